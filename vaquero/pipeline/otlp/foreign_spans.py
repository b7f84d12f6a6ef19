"""The long path: a span of the SDK, or of anybody, laid out as a record.

Runs in the writer thread, away from the caller. Spans of the SDK's own classes are read by their
fields, which takes a quarter of the time that their properties take; every other span, and an SDK
that has renamed its fields, is read by public names.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import SpanContext, StatusCode
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from vaquero.record import EventRecord, LinkRecord, Origin, SpanExtra, SpanRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import Event
    from opentelemetry.trace import Link

_MAX_ORIGINS = 1024
#: What the SDK gives to span processors and exporters, of exactly these classes.
_SDK_CLASSES = frozenset(
    {ReadableSpan, Span}
    | {kind for kind in Span.__subclasses__() if kind.__module__ == Span.__module__}
)
#: As Any: the SDK says nothing of its fields.
_LIST: Any = BoundedList

#: By the identity of resource and scope. An :class:`Origin` holds both, so while it is in here
#: neither identity can come to mean another object.
_origins: dict[tuple[int, int], Origin] = {}


def from_readable(span: ReadableSpan) -> SpanRecord:
    """Lay out a finished span of the SDK as a record.

    Args:
        span: A finished span; a ``ReadableSpan`` of the SDK, of a subclass, or anything with the
            same public attributes.

    Returns:
        A record that shares values with the span and copies its containers.

    Raises:
        Exception: Whatever a foreign span raises from its properties; the codec catches it.
    """
    record = SpanRecord()
    record.weight = 0
    if type(span) in _SDK_CLASSES:
        try:
            _by_field(span, record)
            return record
        except AttributeError:
            pass  # An SDK with other fields; its properties are public and stay.
    _by_property(span, record)
    return record


def _by_field(span: Any, record: SpanRecord) -> None:
    """Fill the record from the fields of the SDK's own span classes (1.38 to 1.45)."""
    _fill_ids(record, span._context, span._parent)
    record.title = span._name
    record.span_kind = span._kind
    # A span that never started or ended says None here; the encoder makes a time of it.
    record.start_ns = span._start_time
    record.end_ns = span._end_time
    bounded = span._attributes
    if type(bounded) is BoundedAttributes:
        # One step, as the SDK's bounded mapping does it; iterating it takes ten times that.
        record.attrs = bounded._dict.copy()
        rich = bounded.dropped
    else:
        record.attrs = _plain_dict(bounded)
        rich = 0
    status = span._status
    if (
        rich
        or status._status_code is not StatusCode.UNSET
        or status._description
        or _holds(span._events)
        or _holds(span._links)
    ):
        record.extra = _extra_of(span)
    else:
        record.extra = None
    resource, scope = span._resource, span._instrumentation_scope
    record.origin = _origins.get((id(resource), id(scope))) or origin_of(resource, scope)


def _holds(items: Any) -> bool:
    """Whether there are events or links, or some were dropped."""
    if type(items) is _LIST:
        return bool(items._dq) or items.dropped > 0
    return bool(items)


def _by_property(span: ReadableSpan, record: SpanRecord) -> None:
    """Fill the record from the public properties, which every readable span has."""
    context = span.get_span_context()
    if context is None:
        raise ValueError("the span has no context, so no trace id and no span id")
    _fill_ids(record, context, span.parent)
    record.title = span.name
    record.span_kind = span.kind
    record.start_ns = cast("int", span.start_time)
    record.end_ns = cast("int", span.end_time)
    record.attrs = _plain_dict(span.attributes)
    record.extra = _extra_of(span)
    record.origin = origin_of(span.resource, span.instrumentation_scope)


def _fill_ids(record: SpanRecord, context: SpanContext, parent: SpanContext | None) -> None:
    if type(context) is SpanContext:
        record.trace_no, record.span_no, _, record.flag_bits, state, _ = context
    else:
        record.trace_no, record.span_no = context.trace_id, context.span_id
        record.flag_bits, state = context.trace_flags, context.trace_state
    record.state = None if state is DEFAULT_TRACE_STATE else state or None
    if parent is None:
        record.parent_no = 0
        record.parent_remote = None
    elif type(parent) is SpanContext:
        _, record.parent_no, record.parent_remote, _, _, _ = parent
    else:
        record.parent_no, record.parent_remote = parent.span_id, parent.is_remote


def origin_of(resource: Any, scope: Any) -> Origin:
    """The one :class:`Origin` of this resource and scope, by identity."""
    key = (id(resource), id(scope))
    origin = _origins.get(key)
    if origin is None:
        if len(_origins) >= _MAX_ORIGINS:
            _origins.clear()
        origin = _origins[key] = Origin(resource, scope)
    return origin


def _extra_of(span: ReadableSpan) -> SpanExtra | None:
    status = span.status
    # Through Any: a span built by hand may have no status, whatever its type says.
    status_no: int = 0 if cast("Any", status) is None else status.status_code.value
    events, links = span.events, span.links
    dropped = (span.dropped_attributes, span.dropped_events, span.dropped_links)
    if not (status_no or events or links or dropped != (0, 0, 0) or _status_text(status)):
        return None
    extra = SpanExtra()
    extra.status_no = status_no
    extra.status_text = _status_text(status)
    extra.events = _events_of(events)
    extra.links = _links_of(links)
    extra.dropped_attrs, extra.dropped_events, extra.dropped_links = dropped
    return extra


def _status_text(status: Any) -> str | None:
    return None if status is None else status.description


def _events_of(events: Sequence[Event]) -> list[EventRecord] | None:
    if not events:
        return None
    return [
        EventRecord(
            event.name,
            event.timestamp,
            _plain_dict(event.attributes),
            getattr(event, "dropped_attributes", 0),
        )
        for event in events
    ]


def _links_of(links: Sequence[Link]) -> list[LinkRecord] | None:
    if not links:
        return None
    return [
        LinkRecord(
            link.context.trace_id,
            link.context.span_id,
            flag_bits=link.context.trace_flags,
            remote=link.context.is_remote,
            state=link.context.trace_state or None,
            attrs=_plain_dict(link.attributes),
            dropped_attrs=getattr(link, "dropped_attributes", 0),
        )
        for link in links
    ]


def _plain_dict(attributes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The attributes as a dict that nobody else writes to; None where there are none."""
    if not attributes:
        return None
    kind = type(attributes)
    if kind is dict:
        return cast("dict[str, Any]", attributes).copy()
    if kind is MappingProxyType or hasattr(attributes, "copy"):
        # The SDK's bounded mapping copies its dict in one step; iterating it takes ten times that.
        copied = cast("MappingProxyType[str, Any]", attributes).copy()
        if type(copied) is dict:
            return copied
    return dict(attributes)
