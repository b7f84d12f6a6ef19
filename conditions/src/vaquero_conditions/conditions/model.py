"""What a condition is, once it is read."""

from __future__ import annotations

import enum
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from vaquero_conditions.conditions.globs import ANY, Glob
from vaquero_conditions.errors import ConditionError
from vaquero_conditions.formats import ucum
from vaquero_conditions.units import (
    UNITS,
    VALID_UNITS,
    Dimension,
    Quantity,
    number_text,
)

#: Names that need no quotes. A metric is told from an operation by its look, see METRIC_LOOK.
KIND_KEY = re.compile(r"kind[ \t\r\n]*=")
PLAIN_OPERATION = re.compile(rf"(?!{KIND_KEY.pattern})(?![ ])[^\x00-\x1f\x7f(),\"'\\]*(?<! )")
PLAIN_SERVICE = re.compile(r"(?!over\Z)[\w.\-/:*]+")
PLAIN_METRIC = re.compile(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}")
PLAIN_VALUE = re.compile(r"[^\s\x00-\x1f\x7f,{}()\"'\\=!<>]+")
#: In ``max`` and ``rate``, which take both: a metric, unless it stands in quotes or ``kind=``
#: follows.
METRIC_LOOK = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")

Comparison: TypeAlias = Literal[">", ">=", "<", "<=", "==", "!="]
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
"""The comparisons by how they are written."""


class Where(enum.Enum):
    """Where a condition is used; it decides the window, the statistic of queries, and ``for``."""

    ALERT = "alert"
    GATE = "gate"
    BUDGET = "budget"
    REPORT = "report"


class Kind(enum.Enum):
    """Which spans of an operation count. ENTRY: server, consumer, and every root."""

    ENTRY = "entry"
    ROOT = "root"
    SERVER = "server"
    CONSUMER = "consumer"
    CLIENT = "client"
    PRODUCER = "producer"
    INTERNAL = "internal"
    ANY = "any"

    def takes(self, span_kind: str, is_root: bool) -> bool:
        """Whether a span counts.

        Args:
            span_kind: ``server``, ``client``, ``producer``, ``consumer`` or ``internal``.
            is_root: Whether the span names no parent.
        """
        if self is Kind.ENTRY:
            return is_root or span_kind in ("server", "consumer")
        if self is Kind.ROOT:
            return is_root
        return self is Kind.ANY or self.value == span_kind


APDEX_THRESHOLD = Quantity(500.0, UNITS["ms"])
ALERT_WINDOW = Quantity(5.0, UNITS["min"])
BURN_RATE_WINDOW = Quantity(1.0, UNITS["h"])
BURN_RATE_SHORT = 12
"""The short window of a burn rate is the long one divided by this."""
BURN_RATE_MIN_ERRORS = 10
"""Fewer errors in the long window than this, and a burn rate does not hold."""

OPERATION_FUNCTIONS: dict[str, Dimension] = {
    "p50": Dimension.TIME,
    "p95": Dimension.TIME,
    "p99": Dimension.TIME,
    "mean": Dimension.TIME,
    "max": Dimension.TIME,
    "rate": Dimension.PER_SECOND,
    "count": Dimension.NUMBER,
    "error_rate": Dimension.RATIO,
    "apdex": Dimension.RATIO,
    "queries": Dimension.NUMBER,
    "n_plus_one": Dimension.NUMBER,
    "new_error": Dimension.NUMBER,
    "burn_rate": Dimension.NUMBER,
}
"""What can be asked of an operation, and what it is measured in."""

_ANY_UNIT = frozenset(Dimension)
_RATES = frozenset(
    (Dimension.NUMBER, Dimension.RATIO, Dimension.PER_SECOND, Dimension.SIZE_PER_SECOND)
)
METRIC_FUNCTIONS: dict[str, frozenset[Dimension]] = {
    "avg": _ANY_UNIT,
    "max": _ANY_UNIT,
    "min": _ANY_UNIT,
    "last": _ANY_UNIT,
    "sum": _ANY_UNIT,
    "rate": _RATES,
}
"""What can be asked of a metric, and which units a threshold of it may have."""


@dataclass(frozen=True)
class OperationValue:
    """A figure of an operation: ``p95(GET /orders)``, ``apdex(GET /*, 300ms, kind=server)``.

    Attributes:
        function: One of :data:`OPERATION_FUNCTIONS`.
        operation: The names of the spans that count.
        kind: Which of them count.
        argument: The threshold of ``apdex``, the objective of ``burn_rate``; None elsewhere.
    """

    function: str
    operation: Glob
    kind: Kind = Kind.ENTRY
    argument: Quantity | None = None

    def __str__(self) -> str:
        name = self.operation.written(PLAIN_OPERATION)
        arguments: list[str] = []
        if self.argument is not None and self.argument != APDEX_THRESHOLD:
            arguments.append(str(self.argument))
        if self.kind is not Kind.ENTRY:
            arguments.append(f"kind={self.kind.value}")
        if self.function in METRIC_FUNCTIONS and (
            METRIC_WITH_FILTERS.match(name) or (METRIC_LOOK.fullmatch(name) and not arguments)
        ):
            name = self.operation.quoted
        return f"{self.function}({', '.join((name, *arguments))})"


METRIC_WITH_FILTERS = re.compile(r"[a-z][a-z0-9_.]*\{")


@dataclass(frozen=True)
class Filter:
    """An attribute of a metric's points and what it must, or must not, be."""

    key: str
    equal: bool
    value: Glob

    def takes(self, attributes: Mapping[str, object]) -> bool:
        """Whether a point with these attributes counts. One without the attribute has ``""``."""
        return self.value.matches(_attribute_text(attributes.get(self.key, ""))) is self.equal

    def __str__(self) -> str:
        return f"{self.key} {'=' if self.equal else '!='} {self.value.written(PLAIN_VALUE)}"


@dataclass(frozen=True)
class MetricValue:
    """A figure of a metric: ``max(process.memory.usage)``.

    Attributes:
        function: One of :data:`METRIC_FUNCTIONS`.
        metric: The OpenTelemetry name.
        filters: All of them have to hold; in the order of their text, each once.
    """

    function: str
    metric: str
    filters: tuple[Filter, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", tuple(sorted(set(self.filters), key=str)))

    def takes(self, metric: str, attributes: Mapping[str, object]) -> bool:
        """Whether a point of this metric counts.

        Args:
            metric: Its name.
            attributes: Those of the point, and those of its resource where the point has none.
        """
        return metric == self.metric and all(one.takes(attributes) for one in self.filters)

    def __str__(self) -> str:
        name = Glob((self.metric,)).written(PLAIN_METRIC)
        filters = ", ".join(map(str, self.filters))
        both = self.function in OPERATION_FUNCTIONS
        braces = filters or (both and not METRIC_LOOK.fullmatch(name))
        if both and braces and not METRIC_WITH_FILTERS.match(f"{name}{{"):
            name = Glob((self.metric,)).quoted
        return f"{self.function}({name}{f'{{{filters}}}' if braces else ''})"


@dataclass(frozen=True)
class Condition:
    """One condition. ``str`` gives its canonical text, which is read as an equal condition.

    Attributes:
        value: What is measured.
        comparison: One of :data:`COMPARISONS`.
        threshold: With what it is compared, in the unit that was written.
        where: Where it is used.
        service: The services that count.
        window: The time that is looked at; None for the whole run.
        hold: How long the condition has to hold before an alert fires; None for at once.
    """

    value: OperationValue | MetricValue
    comparison: Comparison
    threshold: Quantity
    where: Where
    service: Glob = ANY
    window: Quantity | None = None
    hold: Quantity | None = None

    def __post_init__(self) -> None:
        if self.window is None:
            object.__setattr__(self, "window", default_window(self.value, self.where))

    @property
    def short_window_s(self) -> float | None:
        """The second window of a burn rate, in seconds, where the condition has to hold too."""
        if self.value.function != "burn_rate" or self.window is None:
            return None
        return self.window.seconds / BURN_RATE_SHORT

    @property
    def statistic(self) -> str:
        """What is taken of the measured values: ``p95`` or ``max`` of the queries a request makes.

        The function itself for everything else.
        """
        if self.value.function != "queries":
            return self.value.function
        return "p95" if self.where is Where.ALERT else "max"

    def holds(self, measured: float, unit: str | None = None) -> bool:
        """Whether a measured value meets the condition; a value that is no number does not.

        Args:
            measured: In the base unit: seconds, bytes, a share of 1, per second.
            unit: Of a metric, in UCUM: then ``measured`` is in that unit.

        Raises:
            ConditionError: The threshold is in a unit that the metric is not measured in.
        """
        if math.isnan(measured):
            return False
        threshold = self.threshold.base if unit is None else self.threshold_in(unit)
        return COMPARISONS[self.comparison](measured, threshold)

    def threshold_in(self, unit: str) -> float:
        """The threshold in the unit of a metric.

        Args:
            unit: Of the metric, in UCUM; of ``rate``, too, the unit of what is counted.

        Raises:
            ConditionError: The threshold is in a unit that the metric is not measured in.
        """
        if self.threshold.unit.dimension is Dimension.NUMBER:
            return self.threshold.number
        if self.value.function == "rate":
            unit = _RATE_UNITS.get(unit, "1/s")
        found = ucum(unit) or (Dimension.NUMBER, 1.0)
        dimension = self.threshold.unit.dimension
        if found[0] is dimension or (dimension is Dimension.RATIO and unit == "1"):
            return self.threshold.in_units_of(found[1])
        text = str(self)
        problem = f"{self.threshold} is compared with a metric in {unit or '1'}"
        valid = f"{VALID_UNITS[found[0]]}, or a number in the metric's own unit"
        raise ConditionError(text, text.rindex(str(self.threshold)) + 1, problem, valid)

    def __str__(self) -> str:
        parts = [str(self.value)]
        if not self.service.is_any:
            parts.append(f"in {self.service.written(PLAIN_SERVICE)}")
        if self.window is not None and self.window != default_window(self.value, self.where):
            parts.append(f"over {self.window}")
        parts.append(f"{self.comparison} {self.threshold}")
        if self.hold is not None:
            parts.append(f"for {self.hold}")
        return " ".join(parts)


#: What the increase of a counter per second is measured in.
_RATE_UNITS = {"By": "By/s", "s": "1", "ms": "1", "us": "1", "ns": "1"}


def default_window(value: OperationValue | MetricValue, where: Where) -> Quantity | None:
    """The window of a condition that names none."""
    if where is not Where.ALERT:
        return None
    return BURN_RATE_WINDOW if value.function == "burn_rate" else ALERT_WINDOW


def _attribute_text(value: object) -> str:
    """An attribute's value as a filter compares it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value) if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        items = cast("list[object] | tuple[object, ...]", value)
        return ",".join(map(_attribute_text, items))
    return ""
