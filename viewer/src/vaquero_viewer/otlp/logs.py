"""Log records of a request as rows."""

from __future__ import annotations

from collections import Counter

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from vaquero_viewer.otlp.batch import MAX_NS, Batch
from vaquero_viewer.otlp.runs import run_of_event
from vaquero_viewer.otlp.values import (
    RecordOrigin,
    add_resource,
    add_scope,
    hash64,
    json_text,
    mapping,
    plain,
    text_of,
)


def read_logs(request: ExportLogsServiceRequest, received_ns: int) -> Batch:
    """Rows of every storable log record; the others are counted with their reason.

    A log record has no id. Its identity is its content, its time, and how many equal records
    came before it in the same request: an identical request sent again adds nothing, and two
    equal lines logged in one clock tick both stay.

    Args:
        request: The decoded request.
        received_ns: When it arrived, nanoseconds since the epoch.
    """
    batch = Batch(received_ns)
    seen: Counter[int] = Counter()
    for of_resource in request.resource_logs:
        origin = add_resource(batch, of_resource.resource, of_resource.schema_url)
        for of_scope in of_resource.scope_logs:
            scope_id = add_scope(batch, of_scope.scope, of_scope.schema_url)
            for record in of_scope.log_records:
                reason = _flaw(record)
                if reason is not None:
                    batch.reject(reason)
                    continue
                _add(batch, record, origin, scope_id, seen)
    return batch


def _flaw(record: LogRecord) -> str | None:
    """Why a record cannot be stored, ``None`` if it can."""
    if record.time_unix_nano > MAX_NS or record.observed_time_unix_nano > MAX_NS:
        return "a log record has a time beyond the year 2262"
    if len(record.trace_id) not in (0, 16) or len(record.span_id) not in (0, 8):
        return "a log record has a trace id of other than 16 or a span id of other than 8 bytes"
    return None


def _add(
    batch: Batch,
    record: LogRecord,
    origin: RecordOrigin,
    scope_id: int,
    seen: Counter[int],
) -> None:
    body = plain(record.body)
    attributes = mapping(record.attributes)
    content = (
        record.severity_number,
        record.severity_text or None,
        body if isinstance(body, str) or body is None else json_text(body),
        json_text(attributes) if attributes else None,
        record.trace_id.hex() if any(record.trace_id) else None,
        int.from_bytes(record.span_id, "big") if any(record.span_id) else None,
        record.event_name or None,
        record.flags,
    )
    stamps = (record.time_unix_nano, record.observed_time_unix_nano)
    first = hash64(origin.resource_id, scope_id, *stamps, *content)
    identity = hash64(first, seen[first]) if seen[first] else first
    seen[first] += 1
    # The specification's order: the event's time, else when it was observed, else now. In the
    # last case the key has no time of the record's own, and a repeat cannot be known.
    time_ns = stamps[0] or stamps[1] or batch.received_ns
    batch.logs[time_ns, identity] = (
        time_ns,
        stamps[1] or None,
        *content,
        origin.service,
        origin.resource_id,
        scope_id,
        identity,
        batch.received_ns,
        text_of(attributes, "exception.type"),
        origin.run_id,
    )
    # Events were log records with an attribute before they had a field for their name.
    event = record.event_name or text_of(attributes, "event.name")
    if event:
        run = run_of_event(
            event, attributes, origin.run, origin.service, time_ns, batch.received_ns
        )
        if run is not None:
            batch.add_run(run)
