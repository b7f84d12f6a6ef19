"""The metric table: what a package emits, one row per metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from opentelemetry.metrics import Observation

from vaquero_instrumentation_common.patterns import matches
from vaquero_instrumentation_common.sampler import Reading

COUNTER: Final = "counter"
UP_DOWN_COUNTER: Final = "updowncounter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"

Points = Sequence[Observation]
NOTHING: Final[Points] = ()


class MetricRow:
    """One metric.

    Attributes:
        name: Name by the semantic conventions, else under ``vaquero.``.
        kind: ``COUNTER``, ``UP_DOWN_COUNTER``, ``GAUGE`` (all observable) or ``HISTOGRAM``.
        unit: UCUM unit.
        description: One sentence.
        attributes: Keys that its points can carry.
        source: Name of the sampler's source.
        read: Makes the points of a reading; a missing value gives no point.
        origin: Where the value comes from, for the documentation.
        detail: Word of the package's detail setting that turns the row on; empty: always on.
    """

    __slots__ = (
        "attributes", "description", "detail", "kind", "name", "origin", "read", "source", "unit",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        unit: str,
        description: str,
        attributes: tuple[str, ...],
        source: str,
        read: Callable[[Reading[Any]], Points],
        origin: str,
        detail: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.description = description
        self.attributes = attributes
        self.source = source
        self.read = read
        self.origin = origin
        self.detail = detail


def point(value: float | None, attributes: Mapping[str, Any] | None = None) -> Points:
    """Return one point, or none for a value that is not known."""
    return NOTHING if value is None else (Observation(value, attributes),)


def selected(rows: Iterable[MetricRow], excluded: Sequence[str]) -> tuple[MetricRow, ...]:
    """Return the rows whose name matches none of the patterns."""
    return tuple(row for row in rows if not matches(row.name, excluded))
