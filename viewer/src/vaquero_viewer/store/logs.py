"""Queries over log records."""

from __future__ import annotations

from typing import Any

from vaquero_viewer.store.model import LogRow
from vaquero_viewer.store.reading import (
    STORE,
    Reader,
    RowFilter,
    is_trace_id,
    json_object,
    span_hex,
    trace_hex,
)

_COLUMNS = (
    "time_ns, service_name, severity_text, severity_number, body, event_name, attributes, "
    "trace_id, span_id"
)
_NAMES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_MOST_OF_A_TRACE = 1000


def logs(
    reader: Reader,
    *,
    service: str | None,
    min_severity: int | None,
    contains: str | None,
    trace_id: str | None,
    since_ns: int | None,
    limit: int,
) -> list[LogRow]:
    """Log records, newest first.

    Args:
        reader: Where to read.
        service: Of this service only.
        min_severity: Of this OTLP severity number (9 is INFO, 17 is ERROR) or above.
        contains: With this text in the body, upper and lower case alike.
        trace_id: Of this trace only, 32 hexadecimal digits.
        since_ns: Not older than this.
        limit: At most so many.
    """
    if trace_id is not None and not is_trace_id(trace_id):
        return []
    chosen = (
        RowFilter()
        .add("service_name = ?", service)
        .add("severity_number >= ?", min_severity)
        .add("contains(lower(body), lower(?))", contains)
        .add("trace_id = ?::UUID", trace_id)
        .add("time_ns >= ?", since_ns)
    )
    query = (
        f"SELECT {_COLUMNS} FROM {STORE}.logs {chosen.where} "
        f"ORDER BY time_ns DESC, identity LIMIT {int(limit)}"
    )
    return [_log(row) for row in reader.rows(query, chosen.parameters)]


def trace_logs(reader: Reader, trace_id: str) -> list[LogRow]:
    """The first thousand log records of a trace, in the order of time."""
    query = (
        f"SELECT {_COLUMNS} FROM {STORE}.logs WHERE trace_id = ?::UUID "
        f"ORDER BY time_ns, identity LIMIT {_MOST_OF_A_TRACE}"
    )
    return [_log(row) for row in reader.rows(query, [trace_id])]


def _log(row: tuple[Any, ...]) -> LogRow:
    time_ns, service, text, number, body, event, attributes, trace_id, span_id = row
    return LogRow(
        time_ns=time_ns,
        service=service,
        severity=text or _severity(number),
        severity_number=number,
        body=body,
        event_name=event,
        attributes=json_object(attributes),
        trace_id=trace_hex(trace_id),
        span_id=span_hex(span_id),
    )


def _severity(number: int) -> str:
    """The short name of OTLP's severity number: 1 to 4 are TRACE, 5 to 8 DEBUG, and so on."""
    return _NAMES[(number - 1) // 4] if 1 <= number <= 24 else ""
