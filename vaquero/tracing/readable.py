"""The SDK's view of a span record, computed when somebody asks.

A span of vaquero holds numbers and plain values (:class:`vaquero.record.SpanRecord`). Everything
that OpenTelemetry's ``ReadableSpan`` offers is derived from these here, the private names included
that third-party code is known to read or to write.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, SpanLimits
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from vaquero.record import EventRecord, LinkRecord, SpanExtra, SpanRecord
from vaquero.tracing.scope import TracerScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

FLAGS = tuple(TraceFlags(bits) for bits in range(256))
_CODES = {code.value: code for code in StatusCode}
_UNSET = Status(StatusCode.UNSET)


class SpanView(SpanRecord):
    """What ``ReadableSpan`` shows, over the fields of a record.

    A view is made each time it is asked for; keep the result where it is needed often.
    """

    __slots__ = (
        "_above",
        "_anchor",
        "_at_end",
        "_ctx",
        "_exception_options",
        "_open",
        "_parent_ctx",
    )

    origin: TracerScope  # type: ignore[assignment]
    _anchor: int
    _open: bool
    # The parent where it is a span of vaquero; let go at the end, so that a queue does not hold
    # whole traces.
    _above: SpanView | None
    # These slots stay empty for most spans.
    _ctx: SpanContext
    _parent_ctx: SpanContext | None
    _exception_options: tuple[bool, bool]
    _at_end: Any

    def get_span_context(self) -> SpanContext:
        """The ids and flags of this span, as they are propagated."""
        try:
            return self._ctx
        except AttributeError:
            self._ctx = context = SpanContext(
                self.trace_no, self.span_no, False, FLAGS[self.flag_bits & 255], self.state
            )
            return context

    @property
    def context(self) -> SpanContext:
        """The ids and flags of this span."""
        return self.get_span_context()

    @property
    def parent(self) -> SpanContext | None:
        """The parent's ids and flags; None for a root."""
        try:
            return self._parent_ctx
        except AttributeError:
            if not self.parent_no:
                return None
            above = self._above
            if above is not None:
                context = above.get_span_context()
            else:
                # A context with other flags or another state is kept when the span starts.
                context = SpanContext(
                    self.trace_no,
                    self.parent_no,
                    bool(self.parent_remote),
                    FLAGS[self.flag_bits & 255],
                    self.state,
                )
            self._parent_ctx = context
            return context

    @property
    def name(self) -> str:
        """The span's name."""
        return self.title

    @property
    def kind(self) -> SpanKind:
        """OpenTelemetry's kind of span."""
        return self.span_kind

    @property
    def start_time(self) -> int | None:
        """Start, Unix time in nanoseconds."""
        return self.start_ns

    @property
    def end_time(self) -> int | None:
        """End, Unix time in nanoseconds; None while the span runs."""
        return None if self._open else self.end_ns

    @property
    def status(self) -> Status:
        """Status code and description."""
        extra = self.extra
        if extra is None or not extra.status_no:
            return _UNSET
        return Status(_CODES[extra.status_no], extra.status_text)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Attributes, read-only."""
        return MappingProxyType(self.attrs or {})

    @property
    def events(self) -> Sequence[Event]:
        """Events in the order added."""
        extra = self.extra
        return () if extra is None or not extra.events else tuple(map(_event, list(extra.events)))

    @property
    def links(self) -> Sequence[Link]:
        """Links in the order added."""
        extra = self.extra
        return () if extra is None or not extra.links else tuple(map(_link, list(extra.links)))

    @property
    def dropped_attributes(self) -> int:
        """How many attributes were dropped."""
        return 0 if self.extra is None else self.extra.dropped_attrs

    @property
    def dropped_events(self) -> int:
        """How many events were dropped."""
        return 0 if self.extra is None else self.extra.dropped_events

    @property
    def dropped_links(self) -> int:
        """How many links were dropped."""
        return 0 if self.extra is None else self.extra.dropped_links

    @property
    def resource(self) -> Resource:
        """Who the process is."""
        return self.origin.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope | None:
        """The name of the tracer that made the span, with version and schema."""
        return self.origin.scope

    def _need_extra(self) -> SpanExtra:
        """Where status, events and links go, made when the first of them comes."""
        extra = self.extra
        if extra is None:
            fresh = SpanExtra()
            # Made before the check: making it may let another thread go on.
            if self.extra is None:
                self.extra = fresh
            return self.extra or fresh
        return extra


def bounded(attrs: dict[str, Any] | None, dropped: int, immutable: bool) -> BoundedAttributes:
    """The SDK's mapping of attributes over this very dict."""
    view = BoundedAttributes(immutable=immutable)
    if attrs is not None:
        view._dict = attrs
    view.dropped = dropped
    return view


def _event(record: EventRecord) -> Event:
    return Event(
        record.name, bounded(record.attrs, record.dropped_attrs, True), timestamp=record.time_ns
    )


def _link(record: LinkRecord) -> Link:
    context = SpanContext(
        record.trace_no, record.span_no, record.remote, FLAGS[record.flag_bits & 255], record.state
    )
    return Link(context, bounded(record.attrs, record.dropped_attrs, True))


def link_record(context: SpanContext, attrs: dict[str, Any] | None, dropped: int) -> LinkRecord:
    """A link to this context, as a record."""
    return LinkRecord(
        context.trace_id,
        context.span_id,
        flag_bits=int(context.trace_flags),
        remote=context.is_remote,
        state=context.trace_state or None,
        attrs=attrs,
        dropped_attrs=dropped,
    )


class PrivateNames(SpanView):
    """The SDK's private attributes of a span, for code that reads or writes them."""

    __slots__ = ()

    @property
    def _name(self) -> str:
        return self.title

    @_name.setter
    def _name(self, name: str) -> None:
        self.title = name

    @property
    def _kind(self) -> SpanKind:
        return self.span_kind

    @_kind.setter
    def _kind(self, kind: SpanKind) -> None:
        self.span_kind = kind

    @property
    def _context(self) -> SpanContext:
        return self.get_span_context()

    @_context.setter
    def _context(self, context: SpanContext) -> None:
        self._ctx = context
        self.trace_no, self.span_no = context.trace_id, context.span_id
        self.flag_bits, self.state = int(context.trace_flags), context.trace_state or None

    @property
    def _parent(self) -> SpanContext | None:
        return self.parent

    @_parent.setter
    def _parent(self, parent: SpanContext | None) -> None:
        self._parent_ctx = parent
        self.parent_no = 0 if parent is None else parent.span_id
        self.parent_remote = None if parent is None else parent.is_remote

    @property
    def _start_time(self) -> int | None:
        return self.start_ns

    @_start_time.setter
    def _start_time(self, time_ns: int) -> None:
        self.start_ns = time_ns

    @property
    def _end_time(self) -> int | None:
        return self.end_time

    @_end_time.setter
    def _end_time(self, time_ns: int | None) -> None:
        self._open = time_ns is None
        self.end_ns = time_ns or 0

    @property
    def _status(self) -> Status:
        return self.status

    @_status.setter
    def _status(self, status: Status) -> None:
        extra = self._need_extra()
        extra.status_no, extra.status_text = status.status_code.value, status.description

    @property
    def _attributes(self) -> BoundedAttributes:
        attrs = self.attrs
        if attrs is None:
            # So that what is written to the view arrives in the span.
            attrs = self.attrs = {}
        view = bounded(attrs, self.dropped_attributes, not self._open)
        view.maxlen = self.origin.tracer._span_limits.max_span_attributes
        return view

    @_attributes.setter
    def _attributes(self, attributes: Mapping[str, Any] | None) -> None:
        self.attrs = dict(attributes) if attributes else None

    @property
    def _events(self) -> Any:
        return _list_of(self.events, self._limits.max_events, self.dropped_events)

    @_events.setter
    def _events(self, events: Iterable[Event]) -> None:
        self._need_extra().events = [
            EventRecord(event.name, event.timestamp, dict(event.attributes or {}))
            for event in events
        ]

    @property
    def _links(self) -> Any:
        return _list_of(self.links, self._limits.max_links, self.dropped_links)

    @_links.setter
    def _links(self, links: Iterable[Link]) -> None:
        self._need_extra().links = [
            link_record(link.context, dict(link.attributes or {}), link.dropped_attributes)
            for link in links
        ]

    @property
    def _resource(self) -> Resource:
        return self.origin.resource

    @_resource.setter
    def _resource(self, resource: Resource) -> None:
        self.origin = self.origin.moved(resource, self.origin.scope)

    @property
    def _instrumentation_scope(self) -> InstrumentationScope | None:
        return self.origin.scope

    @_instrumentation_scope.setter
    def _instrumentation_scope(self, scope: InstrumentationScope | None) -> None:
        self.origin = self.origin.moved(self.origin.resource, scope)

    @property
    def _instrumentation_info(self) -> Any:
        return self.origin.tracer.instrumentation_info

    @property
    def _limits(self) -> SpanLimits:
        return self.origin.tracer._span_limits

    @property
    def _sampler(self) -> Any:
        return self.origin.tracer.sampler

    @property
    def _span_processor(self) -> Any:
        return self.origin.tracer.span_processor

    @property
    def _trace_config(self) -> None:
        return None

    @property
    def _lock(self) -> Any:
        return threading.RLock()  # For code that takes it; vaquero does not.

    @property
    def _record_exception(self) -> bool:
        return exception_options_of(self)[0]

    @property
    def _set_status_on_exception(self) -> bool:
        return exception_options_of(self)[1]


def exception_options_of(span: SpanView) -> tuple[bool, bool]:
    """Whether an exception that leaves the span's block is recorded, and whether it sets ERROR."""
    try:
        return span._exception_options
    except AttributeError:
        return (True, True)


def _list_of(items: Sequence[Any], limit: int | None, dropped: int) -> Any:
    kept = None if limit is None else max(limit, len(items))
    listed = cast("Any", BoundedList).from_seq(kept, items)
    listed.dropped = dropped
    return listed
