"""Views: the store under the names of the Collector's ClickHouse exporter, and the roll-ups.

A query written against these names moves to a cluster that the Collector fills. They hold
nothing, so a changed one needs no migration: a program that opens the file to write puts its own
in place. They name tables without a catalog, so that they also work where the file is opened
under another name, by DuckDB's own tools.
"""

from __future__ import annotations

from hashlib import blake2b

from vaquero_viewer.store import rollups

_KINDS = "['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']"
_STATUSES = "['Unset', 'Ok', 'Error']"


def _map(column: str) -> str:
    """A JSON object as a map of texts; empty where there is none."""
    return f"coalesce({column}, '{{}}')::JSON::MAP(VARCHAR, VARCHAR)"


def _texts(column: str, field: str) -> str:
    """One field of each object in a JSON list, as a list; empty where there is none."""
    return f"json_extract_string(coalesce({column}, '[]'), '$[*]{field}')"


def _maps(column: str, field: str) -> str:
    found = f"json_extract(coalesce({column}, '[]'), '$[*]{field}')"
    return f"{found}::MAP(VARCHAR, VARCHAR)[]"


_LAST_NS = 2**63 - 2
"""The last time that a column can show: the nanosecond after it is DuckDB's "infinity"."""


def _time(nanoseconds: str) -> str:
    """A time; one beyond the last is the last, as one such row must not spoil the view."""
    return f"make_timestamp_ns(least({nanoseconds}, {_LAST_NS}))"


def _times(column: str) -> str:
    # Nobody has looked at the times of events and exemplars: any unsigned number may be there.
    one = _time(f"coalesce(try_cast(t AS BIGINT), {_LAST_NS})")
    return f"list_transform({_texts(column, '.time_ns')}, lambda t: {one})"


def _nested(name: str, **fields: str) -> str:
    """A column of ClickHouse's type ``Nested``: a list for each field, read as ``Name.Field``."""
    given = ", ".join(f'"{field}" := {value}' for field, value in fields.items())
    return f'struct_pack({given}) AS "{name}"'


def _id(column: str) -> str:
    return f"coalesce(format('{{:016x}}', {column}), '')"


def _trace(column: str) -> str:
    return f"coalesce(replace({column}::VARCHAR, '-', ''), '')"


_RESOURCE = f'{_map("r.attributes")} AS "ResourceAttributes"'

_EVENTS = _nested(
    "Events",
    Timestamp=_times("s.events"),
    Name=_texts("s.events", ".name"),
    Attributes=_maps("s.events", ".attributes"),
)
_LINKS = _nested(
    "Links",
    TraceId=_texts("s.links", ".trace_id"),
    SpanId=_texts("s.links", ".span_id"),
    TraceState=_texts("s.links", ".trace_state"),
    Attributes=_maps("s.links", ".attributes"),
)

_TRACES = f"""
SELECT {_time("s.start_ns")} AS "Timestamp",
       {_trace("s.trace_id")} AS "TraceId",
       {_id("s.span_id")} AS "SpanId",
       {_id("s.parent_span_id")} AS "ParentSpanId",
       coalesce(s.trace_state, '') AS "TraceState",
       s.name AS "SpanName",
       coalesce({_KINDS}[s.kind::INTEGER + 1], 'Unspecified') AS "SpanKind",
       s.service_name AS "ServiceName",
       {_RESOURCE},
       coalesce(c.name, '') AS "ScopeName",
       coalesce(c.version, '') AS "ScopeVersion",
       {_map("s.attributes")} AS "SpanAttributes",
       s.duration_ns::UBIGINT AS "Duration",
       coalesce({_STATUSES}[s.status_code::INTEGER + 1], 'Unset') AS "StatusCode",
       coalesce(s.status_message, '') AS "StatusMessage",
       {_EVENTS},
       {_LINKS}
FROM spans s
LEFT JOIN resources r ON r.resource_id = s.resource_id
LEFT JOIN scopes c ON c.scope_id = s.scope_id
"""

_TRACE_TIMES = f"""
SELECT {_trace("trace_id")} AS "TraceId",
       {_time("min(start_ns)")} AS "Start", {_time("max(start_ns)")} AS "End"
FROM spans GROUP BY trace_id
"""

_SECONDS = "make_timestamp_ns(l.time_ns - l.time_ns % 1000000000)::TIMESTAMP::TIMESTAMP_S"

_LOGS = f"""
SELECT {_time("l.time_ns")} AS "Timestamp",
       {_SECONDS} AS "TimestampTime",
       {_trace("l.trace_id")} AS "TraceId",
       {_id("l.span_id")} AS "SpanId",
       (l.flags & 255)::UTINYINT AS "TraceFlags",
       coalesce(l.severity_text, '') AS "SeverityText",
       least(greatest(l.severity_number, 0), 255)::UTINYINT AS "SeverityNumber",
       l.service_name AS "ServiceName",
       coalesce(l.body, '') AS "Body",
       coalesce(r.schema_url, '') AS "ResourceSchemaUrl",
       {_RESOURCE},
       coalesce(c.schema_url, '') AS "ScopeSchemaUrl",
       coalesce(c.name, '') AS "ScopeName",
       coalesce(c.version, '') AS "ScopeVersion",
       {_map("c.attributes")} AS "ScopeAttributes",
       {_map("l.attributes")} AS "LogAttributes",
       coalesce(l.event_name, '') AS "EventName"
FROM logs l
LEFT JOIN resources r ON r.resource_id = l.resource_id
LEFT JOIN scopes c ON c.scope_id = l.scope_id
"""

_EXEMPLARS = _nested(
    "Exemplars",
    FilteredAttributes=_maps("p.exemplars", ".attributes"),
    TimeUnix=_times("p.exemplars"),
    Value=_texts("p.exemplars", ".value") + "::DOUBLE[]",
    SpanId=_texts("p.exemplars", ".span_id"),
    TraceId=_texts("p.exemplars", ".trace_id"),
)
_TEMPORALITY = 's.temporality::INTEGER AS "AggregationTemporality"'


def _metrics(kind: str, *columns: str) -> str:
    """The view of one kind of metric: what all have, and these columns of its own."""
    return f"""
SELECT {_RESOURCE},
       coalesce(r.schema_url, '') AS "ResourceSchemaUrl",
       coalesce(c.name, '') AS "ScopeName",
       coalesce(c.version, '') AS "ScopeVersion",
       {_map("c.attributes")} AS "ScopeAttributes",
       0::UINTEGER AS "ScopeDroppedAttrCount",
       coalesce(c.schema_url, '') AS "ScopeSchemaUrl",
       s.service_name AS "ServiceName",
       s.name AS "MetricName",
       coalesce(s.description, '') AS "MetricDescription",
       coalesce(s.unit, '') AS "MetricUnit",
       {_map("s.attributes")} AS "Attributes",
       {_time("coalesce(p.start_ns, 0)")} AS "StartTimeUnix",
       {_time("p.time_ns")} AS "TimeUnix",
       {", ".join(columns)}
FROM metric_points p
JOIN metric_series s ON s.series_id = p.series_id
LEFT JOIN resources r ON r.resource_id = s.resource_id
LEFT JOIN scopes c ON c.scope_id = s.scope_id
WHERE s.kind = '{kind}'
"""


def _detail(path: str, kind: str) -> str:
    """A part of a histogram or summary; 0 or an empty list where no value was recorded."""
    none = "[]" if kind.endswith("[]") else "0"
    return f"coalesce(json_extract_string(p.detail, '$.{path}')::{kind}, {none})"


_VALUE = 'p.value AS "Value"'
_FLAGS = 'p.flags AS "Flags"'
_COUNTED = ('coalesce(p.count, 0) AS "Count"', 'coalesce(p.sum, 0) AS "Sum"')
_RANGE = ('coalesce(p.min, 0) AS "Min"', 'coalesce(p.max, 0) AS "Max"')

VIEWS = {
    "operations_10s": rollups.VIEW,
    "otel_traces": _TRACES,
    "otel_traces_trace_id_ts": _TRACE_TIMES,
    "otel_logs": _LOGS,
    "otel_metrics_gauge": _metrics("gauge", _VALUE, _FLAGS, _EXEMPLARS),
    "otel_metrics_sum": _metrics(
        "sum", _VALUE, _FLAGS, _EXEMPLARS, _TEMPORALITY, 's.monotonic AS "IsMonotonic"'
    ),
    "otel_metrics_histogram": _metrics(
        "histogram",
        *_COUNTED,
        f'{_detail("counts[*]", "UBIGINT[]")} AS "BucketCounts"',
        f'{_detail("bounds[*]", "DOUBLE[]")} AS "ExplicitBounds"',
        _EXEMPLARS,
        _FLAGS,
        *_RANGE,
        _TEMPORALITY,
    ),
    "otel_metrics_exponential_histogram": _metrics(
        "exponential_histogram",
        *_COUNTED,
        f'{_detail("scale", "INTEGER")} AS "Scale"',
        f'{_detail("zero_count", "UBIGINT")} AS "ZeroCount"',
        f'{_detail("positive.offset", "INTEGER")} AS "PositiveOffset"',
        f'{_detail("positive.counts[*]", "UBIGINT[]")} AS "PositiveBucketCounts"',
        f'{_detail("negative.offset", "INTEGER")} AS "NegativeOffset"',
        f'{_detail("negative.counts[*]", "UBIGINT[]")} AS "NegativeBucketCounts"',
        _EXEMPLARS,
        _FLAGS,
        *_RANGE,
        _TEMPORALITY,
    ),
    "otel_metrics_summary": _metrics(
        "summary",
        *_COUNTED,
        _nested(
            "ValueAtQuantiles",
            Quantile=_detail("quantiles[*][0]", "DOUBLE[]"),
            Value=_detail("quantiles[*][1]", "DOUBLE[]"),
        ),
        _FLAGS,
    ),
}
"""Name of each view -> its query."""

FINGERPRINT = blake2b(repr(VIEWS).encode(), digest_size=8).hexdigest()
"""Tells whether the views in a file are these; kept in ``vaquero_meta``."""
