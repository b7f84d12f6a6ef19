"""Queries over spans: services, operations, lists of traces, one whole trace."""

from __future__ import annotations

from typing import Any, Literal

from vaquero_viewer.store.model import (
    SPAN_KINDS,
    OperationRow,
    ServiceRow,
    Trace,
    TraceSummary,
)
from vaquero_viewer.store.reading import STORE, Reader, RowFilter, is_trace_id, ms, trace_hex, word
from vaquero_viewer.store.tree import RawSpan, build_trace

_SERVICES = f"""
WITH s AS (
  SELECT service_name, count(*) AS spans, count(*) FILTER (status_code = 2) AS errors,
         min(start_ns) AS first_ns, max(end_ns) AS last_ns
  FROM {STORE}.spans GROUP BY ALL),
m AS (SELECT service_name, count(*) AS series FROM {STORE}.metric_series GROUP BY ALL),
l AS (SELECT service_name, count(*) AS logs FROM {STORE}.logs GROUP BY ALL),
n AS (SELECT service_name FROM s UNION SELECT service_name FROM m
      UNION SELECT service_name FROM l)
SELECT n.service_name, coalesce(spans, 0), coalesce(errors, 0), first_ns, last_ns,
       coalesce(series, 0), coalesce(logs, 0)
FROM n LEFT JOIN s USING (service_name) LEFT JOIN m USING (service_name)
LEFT JOIN l USING (service_name) ORDER BY n.service_name
"""

_OPERATIONS = """
SELECT service_name, name, kind, count(*) AS n, count(*) FILTER (status_code = 2),
       quantile_cont(duration_ns, [0.5, 0.95, 0.99]), max(duration_ns),
       sum(duration_ns)::DOUBLE AS total, max(start_ns)
FROM {store}.spans {where}
GROUP BY service_name, name, kind ORDER BY total DESC, n DESC, service_name, name, kind
LIMIT {limit}
"""

_SUMMARIES = """
SELECT trace_id,
       first(service_name ORDER BY parent_span_id IS NOT NULL, start_ns),
       first(name ORDER BY parent_span_id IS NOT NULL, start_ns),
       min(start_ns) AS start_ns, max(greatest(end_ns, start_ns)) - min(start_ns) AS duration,
       count(*), count(*) FILTER (status_code = 2),
       list_sort(list_distinct(list(service_name)))
FROM {store}.spans WHERE trace_id IN (SELECT unnest(?::UUID[])) GROUP BY trace_id
ORDER BY {order}, trace_id
"""

_SLOWEST = """
SELECT trace_id FROM {store}.spans {where} GROUP BY trace_id
ORDER BY max(greatest(end_ns, start_ns)) - min(start_ns) DESC, trace_id LIMIT {limit}
"""

# Only the newest spans are grouped: reading all of them for the newest traces would take
# longer with each hour that the store grows.
_NEWEST = """
SELECT trace_id, max(start_ns) AS newest FROM (
  SELECT trace_id, start_ns FROM {store}.spans {where} ORDER BY start_ns DESC LIMIT {depth})
GROUP BY trace_id ORDER BY newest DESC, trace_id LIMIT {limit}
"""

_SPANS = f"""
SELECT span_id, parent_span_id, service_name, name, kind, start_ns, end_ns, duration_ns,
       status_code, status_message, attributes, events, links, resource_id,
       trace_state, flags, dropped_attributes, dropped_events, dropped_links,
       (SELECT name FROM {STORE}.scopes c WHERE c.scope_id = s.scope_id LIMIT 1)
FROM {STORE}.spans s WHERE trace_id = ?::UUID ORDER BY start_ns, span_id
"""

Order = Literal["recent", "slowest"]


def services(reader: Reader) -> list[ServiceRow]:
    """All services that sent anything, by name."""
    return [ServiceRow(*row) for row in reader.rows(_SERVICES)]


def operations(
    reader: Reader, service: str | None, since_ns: int | None, limit: int
) -> list[OperationRow]:
    """Operations by the time spent in them, most first."""
    chosen = RowFilter().add("service_name = ?", service).add("start_ns >= ?", since_ns)
    query = _OPERATIONS.format(store=STORE, where=chosen.where, limit=int(limit))
    return [_operation(row) for row in reader.rows(query, chosen.parameters)]


def _operation(row: tuple[Any, ...]) -> OperationRow:
    service, name, kind, count, errors, quantiles, longest, total, last_ns = row
    return OperationRow(
        service=service,
        name=name,
        kind=word(SPAN_KINDS, kind),
        count=count,
        errors=errors,
        error_share=errors / count,
        p50_ms=ms(quantiles[0]),
        p95_ms=ms(quantiles[1]),
        p99_ms=ms(quantiles[2]),
        max_ms=ms(longest),
        total_ms=ms(total),
        last_ns=last_ns,
    )


def traces(
    reader: Reader,
    *,
    order: Order,
    service: str | None,
    operation: str | None,
    errors_only: bool,
    since_ns: int | None,
    limit: int,
) -> list[TraceSummary]:
    """Traces with at least one span that meets the conditions, newest or slowest first."""
    chosen = (
        RowFilter()
        .add("service_name = ?", service)
        .add("name = ?", operation)
        .add("status_code = ?", 2 if errors_only else None)
        .add("start_ns >= ?", since_ns)
    )
    if order == "slowest":
        query = _SLOWEST.format(store=STORE, where=chosen.where, limit=int(limit))
        ids = [row[0] for row in reader.rows(query, chosen.parameters)]
    else:
        ids = _newest(reader, chosen, limit)
    by = "duration DESC" if order == "slowest" else "start_ns DESC"
    query = _SUMMARIES.format(store=STORE, order=by)
    rows = reader.rows(query, [[str(trace_id) for trace_id in ids]]) if ids else []
    return [
        TraceSummary(trace_id.hex, service_, name, start, ms(duration), count, failed, names)
        for trace_id, service_, name, start, duration, count, failed, names in rows
    ]


def _newest(reader: Reader, chosen: RowFilter, limit: int) -> list[Any]:
    depth = max(1000, limit * 50)
    while True:
        query = _NEWEST.format(store=STORE, where=chosen.where, depth=depth, limit=int(limit))
        rows = reader.rows(query, chosen.parameters)
        if len(rows) >= limit or not _has_more(reader, chosen, depth):
            return [row[0] for row in rows]
        depth *= 10


def _has_more(reader: Reader, chosen: RowFilter, depth: int) -> bool:
    query = f"SELECT count(*) FROM {STORE}.spans {chosen.where}"
    return reader.row(query, chosen.parameters)[0] > depth


def slowest_trace_id(reader: Reader) -> str | None:
    """Id of the trace that took longest from its first start to its last end."""
    rows = reader.rows(_SLOWEST.format(store=STORE, where="", limit=1))
    return trace_hex(rows[0][0]) if rows else None


def trace(reader: Reader, trace_id: str, limit: int) -> Trace | None:
    """One trace with its tree and its logs; ``None`` if no span of it is in the store."""
    if not is_trace_id(trace_id):
        return None
    rows = reader.rows(_SPANS, [trace_id])
    if not rows:
        return None
    return build_trace(reader, trace_id.lower(), [RawSpan(*row) for row in rows], limit)
