"""What the store answers: values, without a connection to the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
TEMPORALITIES = ("unspecified", "delta", "cumulative")

MetricKind = Literal["gauge", "sum", "histogram", "exponential_histogram", "summary"]


@dataclass(frozen=True)
class Counts:
    """How much the store holds now, and what it took, repeated and dropped since it was opened."""

    spans: int
    traces: int
    metric_points: int
    metric_series: int
    logs: int
    used_bytes: int
    max_size_bytes: int
    inserted: int
    repeated: int
    dropped_spans: int
    dropped_metric_points: int
    dropped_logs: int


@dataclass(frozen=True)
class ServiceRow:
    """One service, and how much came from it."""

    name: str
    spans: int
    errors: int
    first_ns: int | None
    last_ns: int | None
    metric_series: int
    logs: int


@dataclass(frozen=True)
class OperationRow:
    """All spans of one service with one name and kind.

    ``error_share`` is a fraction of 1; durations are milliseconds.
    """

    service: str
    name: str
    kind: str
    count: int
    errors: int
    error_share: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    total_ms: float
    last_ns: int


@dataclass(frozen=True)
class RollupRow:
    """Spans of one operation in a stretch of time, from the roll-ups.

    A part of the operation that was not asked for is ``None``. Durations are milliseconds;
    percentiles are within 0.55 % of the true ones, all else is exact. ``time_ns`` is the start of
    the stretch, ``None`` where all time is in one.
    """

    time_ns: int | None
    service: str | None
    name: str | None
    kind: str | None
    route: str | None
    run_id: str | None
    calls: int
    errors: int
    sum_ms: float
    min_ms: float
    max_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class SeriesRow:
    """One metric series: where it comes from and what it measures."""

    series_id: str
    service: str
    name: str
    unit: str
    kind: str
    temporality: str
    monotonic: bool
    description: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(frozen=True)
class GaugeRow:
    """A series with its newest value, and with its newest history where that was asked for.

    ``history`` holds (time in nanoseconds, value) in the order of time.
    """

    series: SeriesRow
    time_ns: int
    value: float
    history: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])


@dataclass(frozen=True)
class Point:
    """One metric point; which fields are set depends on the kind of metric."""

    time_ns: int
    start_ns: int | None
    value: float | int | None
    count: int | None
    sum: float | None
    min: float | None
    max: float | None
    detail: dict[str, Any] | None
    exemplars: list[dict[str, Any]]


@dataclass(frozen=True)
class TraceSummary:
    """One trace in a list; the root is its first span without a parent in the store."""

    trace_id: str
    service: str
    name: str
    start_ns: int
    duration_ms: float
    span_count: int
    error_count: int
    services: list[str]


@dataclass(frozen=True)
class TraceSpan:
    """One span at its place in the tree of its trace.

    ``depth`` is 0 for a root. ``offset_ms`` counts from the start of the trace; ``self_ms`` is
    the part of the duration that no child covers. ``orphan`` says that the span names a parent
    that is not in the store. ``dropped_*`` count what the sender left out.
    """

    span_id: str
    parent_span_id: str | None
    depth: int
    orphan: bool
    service: str
    name: str
    kind: str
    start_ns: int
    offset_ms: float
    duration_ms: float
    self_ms: float
    status: str
    status_message: str | None
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    scope: str
    resource_id: str
    trace_state: str
    flags: int
    dropped_attributes: int
    dropped_events: int
    dropped_links: int


@dataclass(frozen=True)
class LogRow:
    """One log record; ``body`` is text, or JSON text where it was structured."""

    time_ns: int
    service: str
    severity: str
    severity_number: int
    body: str | None
    event_name: str | None
    attributes: dict[str, Any]
    trace_id: str | None
    span_id: str | None


@dataclass(frozen=True)
class Trace:
    """A whole trace: its spans in the order of the tree, depth first.

    ``resources`` maps the spans' ``resource_id`` to attributes. ``truncated`` is the number of
    spans left out because of a limit.
    """

    trace_id: str
    start_ns: int
    duration_ms: float
    span_count: int
    error_count: int
    services: list[str]
    spans: list[TraceSpan]
    logs: list[LogRow]
    resources: dict[str, dict[str, Any]]
    truncated: int
