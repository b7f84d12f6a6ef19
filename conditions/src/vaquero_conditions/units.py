"""Units of time, size, share and rate: read, converted, printed.

``docs/reference/units.md`` is the contract, with tables of cases.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass
from decimal import Context, Decimal

from vaquero_conditions.errors import ConditionError, shortened


class Dimension(enum.Enum):
    """What a number measures; the value is the unit that :attr:`Quantity.base` counts in."""

    NUMBER = "1"
    RATIO = "ratio"
    TIME = "s"
    SIZE = "By"
    PER_SECOND = "1/s"
    SIZE_PER_SECOND = "By/s"


@dataclass(frozen=True)
class Unit:
    """One unit: how it is written, what it measures, and ``many / per`` of the base unit."""

    symbol: str
    dimension: Dimension
    many: int = 1
    per: int = 1


def _units(dimension: Dimension, **many: int) -> dict[str, Unit]:
    return {name: Unit(name, dimension, number) for name, number in many.items()}


_SMALL_TIMES = {"ns": 10**9, "µs": 10**6, "ms": 10**3}
_SIZES = {
    **_units(Dimension.SIZE, B=1, KiB=2**10, MiB=2**20, GiB=2**30, TiB=2**40),
    **_units(Dimension.SIZE, kB=10**3, MB=10**6, GB=10**9, TB=10**12),
}
_PER = {"/s": 1, "/min": 60}

NO_UNIT = Unit("", Dimension.NUMBER)
UNITS: dict[str, Unit] = {
    "": NO_UNIT,
    "%": Unit("%", Dimension.RATIO, per=100),
    **{name: Unit(name, Dimension.TIME, per=per) for name, per in _SMALL_TIMES.items()},
    **_units(Dimension.TIME, s=1, min=60, h=3600, d=86400),
    **_SIZES,
    **{name: Unit(name, Dimension.PER_SECOND, per=per) for name, per in _PER.items()},
    **{
        f"{size}{name}": Unit(f"{size}{name}", Dimension.SIZE_PER_SECOND, unit.many, per)
        for size, unit in _SIZES.items()
        for name, per in _PER.items()
    },
}
"""All units by their symbol."""

_ALIASES = {"us": "µs", "\u03bcs": "µs", "m": "min"}

NUMBER_TEXT = re.compile(
    r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII
)

_DECIMAL = Context(prec=40, traps=[])
DIGITS = frozenset("0123456789")
NUMBER_LIMITS = "at most 40 digits on each side of the point, three in the exponent"
TOO_LARGE = "a number below 1e308, in the base unit too"

TIME_UNITS = "ns, us or µs, ms, s, m or min, h, d"
VALID_UNITS: dict[Dimension, str] = {
    Dimension.NUMBER: "a number without a unit",
    Dimension.RATIO: "a share as 5% or 0.05",
    Dimension.TIME: f"a time in {TIME_UNITS}",
    Dimension.SIZE: "a size in B, KiB, MiB, GiB, TiB, kB, MB, GB, TB",
    Dimension.PER_SECOND: "a rate in /s or /min",
    Dimension.SIZE_PER_SECOND: "a rate of a size in /s or /min, e.g. MiB/s",
}


@dataclass(frozen=True)
class Quantity:
    """A number with the unit that it was written in."""

    number: float
    unit: Unit = NO_UNIT

    @property
    def base(self) -> float:
        """In the base unit of its dimension: seconds, bytes, 1 for a share, per second."""
        return self.in_units_of(1.0)

    def in_units_of(self, factor: float) -> float:
        """In a unit that is this many of the base unit."""
        # In decimal, so that 99.9 % is what a person would write as 0.999, and whatever the
        # program has set for its own decimals.
        number = _DECIMAL.multiply(Decimal(repr(self.number)), self.unit.many)
        per = _DECIMAL.multiply(Decimal(repr(factor)), self.unit.per)
        return float(_DECIMAL.divide(number, per))

    @property
    def seconds(self) -> float:
        """A time in seconds."""
        return self.base

    def __str__(self) -> str:
        return number_text(self.number) + self.unit.symbol


def unit_named(symbol: str) -> Unit | None:
    """The unit of this spelling; None where there is none. Capital and small letters differ."""
    return UNITS.get(_ALIASES.get(symbol, symbol))


def unit_hint(symbol: str) -> str:
    """What somebody who wrote this may have meant, as the beginning of what is valid."""
    if symbol[:1] in "KMGT" and symbol[1:] in ("", "B"):
        small = "k" if symbol[0] == "K" else symbol[0]
        return f"{symbol[0]}iB (1024) or {small}B (1000)"
    found = [unit for unit in UNITS if unit and unit.lower() == symbol.lower()]
    return found[0] if found else ""


def number_text(number: float) -> str:
    """A number as short as it can be read back: ``200``, ``0.05``, ``1e-09``."""
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return repr(number)


def parse_quantity(text: str) -> Quantity:
    """A number with a unit: ``200ms``, ``1.5 GiB``, ``5 %``, ``100/s``, ``3``.

    Raises:
        ConditionError: The text is something else.
    """
    at = len(text) - len(text.lstrip(" \t"))
    number = NUMBER_TEXT.match(text, at)
    if number is None:
        raise ConditionError(text, at + 1, "a number is missing", "e.g. 200ms")
    begin = number.end()
    if text[begin : begin + 1] in DIGITS:
        raise ConditionError(text, at + 1, f"{number.group()}... is too long", NUMBER_LIMITS)
    found = float(number.group())
    while begin < len(text) and text[begin] in " \t":
        begin += 1
    symbol = text[begin:].rstrip(" \t")
    unit = unit_named(symbol) if len(symbol) <= 16 else None
    if unit is None and not math.isinf(found):
        hint = unit_hint(symbol)
        valid = hint or ", ".join(name for name in UNITS if name and "B/" not in name)
        raise ConditionError(text, begin + 1, f"{shortened(symbol)!r} is no unit", valid)
    quantity = Quantity(found, unit or NO_UNIT)
    if math.isinf(quantity.base):
        raise ConditionError(text, at + 1, f"{number.group()} is too large", TOO_LARGE)
    return quantity


def parse_duration(text: str) -> Quantity:
    """A time longer than nothing: ``5m``, ``300 ms``, ``1.5h``.

    Raises:
        ConditionError: The text is something else.
    """
    quantity = parse_quantity(text)
    if quantity.unit.dimension is not Dimension.TIME:
        column = len(text) - len(text.lstrip(" \t")) + 1
        problem = f"{quantity} is no time"
        raise ConditionError(text, column, problem, VALID_UNITS[Dimension.TIME])
    if quantity.seconds <= 0:
        raise ConditionError(text, 1, f"{quantity} is not longer than 0", "a time such as 5m")
    return quantity
