"""Values as a person reads them, the same on pages and terminals: ``850 µs``, ``1.50 MiB/s``.

Three digits that count. What would be rounded up to a whole larger unit is written in that one.
``docs/reference/units.md`` has the table of cases.
"""

from __future__ import annotations

import math

from vaquero_conditions.units import Dimension

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DECIMAL = ("", "k", "M", "G", "T", "P")
_SHORT_TIMES = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
_LONG_TIMES = (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1))
_NOTHING = "\u2013"

#: UCUM, as OpenTelemetry writes it: what it measures, and how much of the base unit it is.
_UCUM: dict[str, tuple[Dimension, float]] = {
    "ns": (Dimension.TIME, 1e-9),
    "us": (Dimension.TIME, 1e-6),
    "ms": (Dimension.TIME, 1e-3),
    "s": (Dimension.TIME, 1.0),
    "min": (Dimension.TIME, 60.0),
    "h": (Dimension.TIME, 3600.0),
    "d": (Dimension.TIME, 86400.0),
    "By": (Dimension.SIZE, 1.0),
    "KiBy": (Dimension.SIZE, 1024.0),
    "MiBy": (Dimension.SIZE, 1024.0**2),
    "GiBy": (Dimension.SIZE, 1024.0**3),
    "kBy": (Dimension.SIZE, 1e3),
    "MBy": (Dimension.SIZE, 1e6),
    "GBy": (Dimension.SIZE, 1e9),
    "By/s": (Dimension.SIZE_PER_SECOND, 1.0),
    "1/s": (Dimension.PER_SECOND, 1.0),
    "%": (Dimension.RATIO, 0.01),
    "1": (Dimension.NUMBER, 1.0),
    "": (Dimension.NUMBER, 1.0),
}


def ucum(unit: str) -> tuple[Dimension, float] | None:
    """What a unit of UCUM measures and its factor to the base unit; None for one of its own kind.

    ``{request}`` counts things: a number. ``1`` is a number too, since only the name of a metric
    says whether it is a share.
    """
    found = _UCUM.get(unit)
    if found is None and unit.startswith("{") and unit.endswith("}"):
        return _UCUM["1"]
    return found


def format_value(value: float, unit: str = "") -> str:
    """A metric's value with its unit.

    Args:
        value: The number, in that unit.
        unit: UCUM as OpenTelemetry writes it: ``By``, ``By/s``, ``1``, ``s``, ``{request}``.
    """
    found = _UCUM.get(unit)
    if found is not None:
        return format_quantity(value * found[1], found[0])
    number = format_quantity(value, Dimension.NUMBER)
    word = "°C" if unit == "Cel" else unit.replace("{", "").replace("}", "")
    # "2.40 GHz", where a prefix may stand before the unit.
    return _joined(number, word) if word == "Hz" else f"{number} {word}"


def format_quantity(value: float, dimension: Dimension) -> str:
    """A value in the base unit of its dimension: seconds, bytes, a share of 1, per second."""
    if not math.isfinite(value):
        return _NOTHING
    if value < 0:
        return f"-{format_quantity(-value, dimension)}"
    if dimension is Dimension.TIME:
        return _time(value)
    if dimension is Dimension.RATIO:
        return _share(value * 100)
    if dimension is Dimension.SIZE:
        return _scaled(value, 1024, _BINARY)
    if dimension is Dimension.SIZE_PER_SECOND:
        return f"{_scaled(value, 1024, _BINARY)}/s"
    if dimension is Dimension.PER_SECOND:
        if 0 < value < 0.9995:
            return f"{_scaled(value * 60, 1000, _DECIMAL)} /min"
        return _joined(_scaled(value, 1000, _DECIMAL), "/s")
    return _scaled(value, 1000, _DECIMAL)


def _joined(number: str, unit: str) -> str:
    return f"{number}{unit}" if number[-1].isalpha() else f"{number} {unit}"


def _time(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    for factor, name in _SHORT_TIMES:
        size = seconds / factor
        if size < 999.5 and name != "s":
            return f"{_digits(size)} {name}"
    if seconds < 59.95:
        return f"{_digits(seconds)} s"
    if seconds >= 1e9 * 86400:
        return f"{seconds / 86400:.3g} d"
    for big, size, small, part in _LONG_TIMES:
        whole = round(seconds / part)
        if whole >= size // part:
            many, rest = divmod(whole, size // part)
            return f"{many} {big} {rest} {small}"
    return f"{_digits(seconds)} s"


def _share(percent: float) -> str:
    """A share is 0 % or 100 % only where it is exactly that."""
    if percent in (0, 100):
        return f"{percent:.0f} %"
    if percent > 100:
        return f"{_digits(percent)} %"
    text = f"{percent:.1f}" if 0.95 <= percent < 99.95 else f"{percent:.2f}"
    if text == "0.00":
        return "< 0.01 %"
    return "> 99.99 %" if text == "100.00" else f"{text} %"


def _scaled(value: float, base: int, names: tuple[str, ...]) -> str:
    for number, name in enumerate(names):
        last = number == len(names) - 1
        if last or value < (base if value == int(value) and not number else base - 0.5):
            text = f"{value:.0f}" if not number and value == int(value) else _digits(value)
            return f"{text} {name}".rstrip()
        value /= base
    raise AssertionError("the last name takes all")


def _digits(value: float) -> str:
    """Three digits that count."""
    if value >= 1e6:
        return f"{value:.3g}"
    if value >= 99.95:
        return f"{value:.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    if value >= 0.00995:
        return f"{value:.2f}"
    return f"{value:.3g}"
