"""The salvage of broken spans: laid out again as records of plain values, each part guarded.

The encoder is optimistic: it writes what is in order at once, and a span comes here only when
that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from opentelemetry.trace import SpanKind

from vaquero.pipeline.otlp.foreign_spans import origin_of
from vaquero.pipeline.otlp.numbers import count_of, masked_int, time_of
from vaquero.pipeline.otlp.text import freeze_safely, wire_key, wire_text
from vaquero.record import EventRecord, LinkRecord, Origin, SpanExtra, SpanRecord

T = TypeVar("T")

_TRACE_ID = 2**128 - 1
_SPAN_ID = 2**64 - 1

#: Events or links of a broken span that are looked at; no limit of a span is near it.
_MAX_ITEMS = 4096


def salvage(span: object) -> SpanRecord:
    """Lay out a span that could not be encoded as it is, each part on its own.

    Args:
        span: A record or a readable span, broken in any way.

    Returns:
        A record of plain values. A part that cannot be read is left out; attributes that cannot
        be read are replaced by one that says so.

    Raises:
        ValueError: The span has no ids: nothing that could be sent is left of it.
    """
    record = _salvaged_record(span) if isinstance(span, SpanRecord) else _salvaged_readable(span)
    if not record.trace_no or not record.span_no:
        raise ValueError("the span has no valid ids")
    record.title = wire_text(record.title)
    if type(cast("Any", record.span_kind)) is not SpanKind:
        record.span_kind = SpanKind.INTERNAL
    if not isinstance(cast("Any", record.parent_remote), bool):
        record.parent_remote = None
    record.start_ns = time_of(record.start_ns, time_of(record.end_ns))
    record.end_ns = max(time_of(record.end_ns, record.start_ns), record.start_ns)
    record.weight = 0
    return record


def salvaged_origin(origin: Origin) -> Origin:
    """Resource and scope of plain values, as far as those of the origin can be read."""
    resource: Any = origin.resource
    scope: Any = origin.scope
    plain_resource = SimpleNamespace(
        attributes=_attributes(lambda: resource.attributes),
        schema_url=wire_text(_read(lambda: resource.schema_url, None)),
    )
    plain_scope = SimpleNamespace(
        name=wire_text(_read(lambda: scope.name, None)),
        version=wire_text(_read(lambda: scope.version, None)),
        schema_url=wire_text(_read(lambda: scope.schema_url, None)),
        attributes=_attributes(lambda: scope.attributes),
    )
    return Origin(cast("Any", plain_resource), cast("Any", plain_scope))


def _salvaged_record(span: SpanRecord) -> SpanRecord:
    record = SpanRecord()
    record.title = _read(lambda: span.title, "")
    record.span_kind = _read(lambda: span.span_kind, SpanKind.INTERNAL)
    record.trace_no = masked_int(_read(lambda: span.trace_no, 0), _TRACE_ID)
    record.span_no = masked_int(_read(lambda: span.span_no, 0), _SPAN_ID)
    record.parent_no = masked_int(_read(lambda: span.parent_no, 0), _SPAN_ID)
    record.parent_remote = _read(lambda: span.parent_remote, None)
    record.flag_bits = masked_int(_read(lambda: span.flag_bits, 0), 0xFF)
    record.state = _state(lambda: span.state)
    record.start_ns = _read(lambda: span.start_ns, cast("int", None))
    record.end_ns = _read(lambda: span.end_ns, cast("int", None))
    record.attrs = _attributes(lambda: span.attrs)
    record.extra = _salvaged_extra(_read(lambda: span.extra, None))
    record.origin = _read(lambda: span.origin, None) or origin_of(None, None)
    return record


def _salvaged_readable(span: Any) -> SpanRecord:
    record = SpanRecord()
    context = _read(span.get_span_context, None)
    parent = _read(lambda: span.parent, None)
    record.title = _read(lambda: span.name, "")
    record.span_kind = _read(lambda: span.kind, SpanKind.INTERNAL)
    record.trace_no = masked_int(_read(lambda: context.trace_id, 0), _TRACE_ID)
    record.span_no = masked_int(_read(lambda: context.span_id, 0), _SPAN_ID)
    record.flag_bits = masked_int(_read(lambda: context.trace_flags, 0), 0xFF)
    record.state = _state(lambda: context.trace_state)
    record.parent_no = masked_int(_read(lambda: parent.span_id, 0), _SPAN_ID)
    record.parent_remote = _read(lambda: parent.is_remote, None)
    record.start_ns = _read(lambda: span.start_time, cast("int", None))
    record.end_ns = _read(lambda: span.end_time, cast("int", None))
    record.attrs = _attributes(lambda: span.attributes)
    record.extra = _salvaged_readable_extra(span)
    resource = _read(lambda: span.resource, None)
    record.origin = origin_of(resource, _read(lambda: span.instrumentation_scope, None))
    return record


def _salvaged_extra(extra: SpanExtra | None) -> SpanExtra | None:
    if extra is None:
        return None
    clean = SpanExtra()
    clean.status_no = _status_no(lambda: extra.status_no)
    text = _read(lambda: extra.status_text, None)
    clean.status_text = None if text is None else wire_text(text)
    events, more_events = _items(lambda: extra.events)
    links, more_links = _items(lambda: extra.links)
    clean.events = [_event(event) for event in events]
    clean.links = [_link(link) for link in links]
    clean.dropped_attrs = count_of(_read(lambda: extra.dropped_attrs, 0))
    clean.dropped_events = count_of(_read(lambda: extra.dropped_events, 0)) + more_events
    clean.dropped_links = count_of(_read(lambda: extra.dropped_links, 0)) + more_links
    return clean


def _salvaged_readable_extra(span: Any) -> SpanExtra:
    clean = SpanExtra()
    clean.status_no = _status_no(lambda: span.status.status_code.value)
    text = _read(lambda: span.status.description, None)
    clean.status_text = None if text is None else wire_text(text)
    events, more_events = _items(lambda: span.events)
    links, more_links = _items(lambda: span.links)
    clean.events = [
        EventRecord(
            wire_text(_read(lambda event=event: event.name, "")),
            time_of(_read(lambda event=event: event.timestamp, 0)),
            _attributes(lambda event=event: event.attributes),
            count_of(_read(lambda event=event: event.dropped_attributes, 0)),
        )
        for event in events
    ]
    clean.links = [
        LinkRecord(
            masked_int(_read(lambda link=link: link.context.trace_id, 0), _TRACE_ID),
            masked_int(_read(lambda link=link: link.context.span_id, 0), _SPAN_ID),
            remote=_read(lambda link=link: link.context.is_remote, False) is True,
            attrs=_attributes(lambda link=link: link.attributes),
            dropped_attrs=count_of(_read(lambda link=link: link.dropped_attributes, 0)),
        )
        for link in links
    ]
    clean.dropped_attrs = count_of(_read(lambda: span.dropped_attributes, 0))
    clean.dropped_events = count_of(_read(lambda: span.dropped_events, 0)) + more_events
    clean.dropped_links = count_of(_read(lambda: span.dropped_links, 0)) + more_links
    return clean


def _event(event: Any) -> EventRecord:
    return EventRecord(
        wire_text(_read(lambda: event.name, "")),
        time_of(_read(lambda: event.time_ns, 0)),
        _attributes(lambda: event.attrs),
        count_of(_read(lambda: event.dropped_attrs, 0)),
    )


def _link(link: Any) -> LinkRecord:
    return LinkRecord(
        masked_int(_read(lambda: link.trace_no, 0), _TRACE_ID),
        masked_int(_read(lambda: link.span_no, 0), _SPAN_ID),
        remote=_read(lambda: link.remote, False) is True,
        attrs=_attributes(lambda: link.attrs),
        dropped_attrs=count_of(_read(lambda: link.dropped_attrs, 0)),
    )


def _attributes(read: Callable[[], Any]) -> dict[str, Any] | None:
    """Attributes with text keys and plain values, as far as they can be read."""
    clean: dict[str, Any] = {}
    try:
        attributes = read()
        if not attributes:
            return None
        for key, value in cast("Mapping[Any, Any]", attributes).items():
            clean[wire_key(key)] = freeze_safely(value)
    except BaseException as error:
        clean["vaquero.unreadable"] = f"attributes: {type(error).__name__}"
    return clean


def _items(read: Callable[[], Any]) -> tuple[list[Any], int]:
    """Events or links as far as they can be read, and how many more there are."""
    taken: list[Any] = []
    try:
        items = read() or ()
        for item in islice(items, _MAX_ITEMS):
            taken.append(item)  # noqa: PERF402 - what was read before a failure is kept
        return taken, max(len(items) - len(taken), 0)
    except BaseException:
        return taken, 0


def _state(read: Callable[[], Any]) -> Any:
    """The trace state as plain text; a broken one is left out."""
    try:
        state = read()
        return {
            wire_text(key): wire_text(value) for key, value in islice(state.items(), 32)
        } or None
    except BaseException:
        return None


def _status_no(read: Callable[[], Any]) -> int:
    number = masked_int(_read(read, 0), 0xFF)
    return number if number in (0, 1, 2) else 0


def _read(read: Callable[[], T], fallback: T) -> T:
    try:
        return read()
    except BaseException:
        return fallback
