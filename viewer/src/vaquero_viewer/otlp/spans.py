"""Spans of a request as rows."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from vaquero_viewer.otlp.batch import MAX_NS, Batch
from vaquero_viewer.otlp.values import (
    RecordOrigin,
    add_resource,
    add_scope,
    json_text,
    mapping,
    text_of,
)

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_SYSTEM = ("db.system.name", "db.system")


def read_spans(request: ExportTraceServiceRequest, received_ns: int) -> Batch:
    """Rows of every storable span; the others are counted with their reason.

    Args:
        request: The decoded request.
        received_ns: When it arrived, nanoseconds since the epoch.
    """
    batch = Batch(received_ns)
    for of_resource in request.resource_spans:
        origin = add_resource(batch, of_resource.resource, of_resource.schema_url)
        for of_scope in of_resource.scope_spans:
            scope_id = add_scope(batch, of_scope.scope, of_scope.schema_url)
            for span in of_scope.spans:
                reason = _flaw(span)
                if reason is not None:
                    batch.reject(reason)
                    continue
                _add(batch, span, origin, scope_id)
    return batch


def _flaw(span: Span) -> str | None:
    """Why a span cannot be stored, ``None`` if it can."""
    if len(span.trace_id) != 16 or span.trace_id == _NO_TRACE:
        return "a trace id is not 16 bytes, or all zero"
    if len(span.span_id) != 8 or span.span_id == _NO_SPAN:
        return "a span id is not 8 bytes, or all zero"
    if len(span.parent_span_id) not in (0, 8):
        return "a parent span id is neither empty nor 8 bytes"
    if not 0 < span.start_time_unix_nano <= MAX_NS or span.end_time_unix_nano > MAX_NS:
        return "a span has no start time, or a time beyond the year 2262"
    return None


def _add(batch: Batch, span: Span, origin: RecordOrigin, scope_id: int) -> None:
    trace_id = span.trace_id.hex()
    span_id = int.from_bytes(span.span_id, "big")
    key = (trace_id, span_id)
    if key in batch.spans:
        batch.repeated += 1
        return
    parent = span.parent_span_id
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    attributes = mapping(span.attributes)
    events = [_event(item) for item in span.events]
    batch.spans[key] = (
        trace_id,
        span_id,
        int.from_bytes(parent, "big") if parent and parent != _NO_SPAN else None,
        span.trace_state or None,
        span.flags,
        span.name,
        span.kind % 256,
        start,
        end,
        # A clock set back between start and end must not make a negative duration.
        max(0, end - start),
        span.status.code % 256,
        span.status.message or None,
        origin.service,
        origin.resource_id,
        scope_id,
        json_text(attributes) if attributes else None,
        json_text(events) if events else None,
        json_text([_link(item) for item in span.links]) if span.links else None,
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
        batch.received_ns,
        *_promoted(attributes),
        _exception_type(events) if events else None,
        origin.run_id,
    )


def _promoted(attributes: dict[str, Any]) -> tuple[str | None, tuple[str, str] | None, str | None]:
    """What has a column of its own: route, statement with the kind of database, server."""
    route = attributes.get("http.route")
    # The names of before the conventions were stable are still sent by many libraries.
    statement = address = None
    if "db.query.text" in attributes or "db.statement" in attributes:
        text = text_of(attributes, "db.query.text", "db.statement")
        if text is not None:
            statement = (text, text_of(attributes, "db.system.name", "db.system") or "")
    if "server.address" in attributes or "net.peer.name" in attributes:
        address = text_of(attributes, "server.address", "net.peer.name")
    return route if route and isinstance(route, str) else None, statement, address


def _exception_type(events: list[dict[str, Any]]) -> str | None:
    """Type of the last exception that the span recorded: the one that left it, as a rule."""
    for event in reversed(events):
        if event["name"] == "exception":
            return text_of(event["attributes"], "exception.type")
    return None


def _event(event: Span.Event) -> dict[str, Any]:
    return {
        "time_ns": event.time_unix_nano,
        "name": event.name,
        "attributes": mapping(event.attributes),
        "dropped_attributes": event.dropped_attributes_count,
    }


def _link(link: Span.Link) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "trace_state": link.trace_state,
        "attributes": mapping(link.attributes),
        "dropped_attributes": link.dropped_attributes_count,
        "flags": link.flags,
    }
