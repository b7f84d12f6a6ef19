"""What a finished span is: the one layout that tracing writes and the pipeline reads.

``tracing`` makes records, ``pipeline`` takes them, and neither knows the other. A span of vaquero
*is* a record (its class inherits from :class:`SpanRecord`), so that ending it costs one append.
Spans of the SDK are laid out as records by the pipeline's writer thread, away from the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.span import TraceState

STATUS_UNSET = 0
STATUS_OK = 1
STATUS_ERROR = 2


class Origin:
    """Where spans come from: one per tracer and resource, shared by all its spans.

    The encoder keys its cache of encoded resources and scopes on the identity of this object, so
    a provider whose resource changes (after fork) makes new ones instead of changing these.
    """

    __slots__ = ("__weakref__", "resource", "scope")

    def __init__(self, resource: Resource, scope: InstrumentationScope | None) -> None:
        self.resource = resource
        self.scope = scope


class EventRecord:
    """One event of a span. ``attrs`` may be None; ``time_ns`` is Unix time in nanoseconds."""

    __slots__ = ("attrs", "dropped_attrs", "name", "time_ns")

    def __init__(
        self, name: Any, time_ns: int, attrs: dict[str, Any] | None = None, dropped_attrs: int = 0
    ) -> None:
        self.name = name
        self.time_ns = time_ns
        self.attrs = attrs
        self.dropped_attrs = dropped_attrs


class LinkRecord:
    """One link of a span, ids as integers of 128 and 64 bits."""

    __slots__ = ("attrs", "dropped_attrs", "flag_bits", "remote", "span_no", "state", "trace_no")

    def __init__(
        self,
        trace_no: int,
        span_no: int,
        *,
        flag_bits: int = 0,
        remote: bool = False,
        state: TraceState | None = None,
        attrs: dict[str, Any] | None = None,
        dropped_attrs: int = 0,
    ) -> None:
        self.trace_no = trace_no
        self.span_no = span_no
        self.flag_bits = flag_bits
        self.remote = remote
        self.state = state
        self.attrs = attrs
        self.dropped_attrs = dropped_attrs


class SpanExtra:
    """What most spans do not have; made when the first of it is needed."""

    __slots__ = (
        "dropped_attrs",
        "dropped_events",
        "dropped_links",
        "events",
        "links",
        "status_no",
        "status_text",
    )

    def __init__(self) -> None:
        self.status_no: int = STATUS_UNSET
        self.status_text: str | None = None
        self.events: list[EventRecord] | None = None
        self.links: list[LinkRecord] | None = None
        self.dropped_attrs: int = 0
        self.dropped_events: int = 0
        self.dropped_links: int = 0


class SpanRecord:
    """A finished span.

    Until it is put into a sink it belongs to the code that runs the span; from then on nobody
    writes to it, and the writer thread reads it.

    The names avoid every name of OpenTelemetry's span, so that a span class can inherit both.

    Attributes:
        title: The span's name as given: usually text; the encoder makes text of anything else.
        span_kind: OpenTelemetry's kind.
        trace_no: Trace id, 128 bits.
        span_no: Span id, 64 bits.
        parent_no: The parent's span id; 0 for a root.
        parent_remote: Whether the parent came from another process; None for a root.
        flag_bits: W3C trace flags (bit 0 sampled, bit 1 random trace id).
        state: W3C trace state, None where it is empty.
        start_ns: Start, Unix time in nanoseconds.
        end_ns: End, Unix time in nanoseconds.
        attrs: Attributes in the order set, already copied from what the caller may change;
            None where there are none.
        extra: Status, events, links and counts of dropped parts; None for a plain span.
        origin: Resource and scope.
        weight: Bytes of large values (over 256 bytes each) that the span holds, for the ring's
            bound by size; 0 for nearly all spans.
    """

    __slots__ = (
        "attrs",
        "end_ns",
        "extra",
        "flag_bits",
        "origin",
        "parent_no",
        "parent_remote",
        "span_kind",
        "span_no",
        "start_ns",
        "state",
        "title",
        "trace_no",
        "weight",
    )

    title: Any
    span_kind: SpanKind
    trace_no: int
    span_no: int
    parent_no: int
    parent_remote: bool | None
    flag_bits: int
    state: TraceState | None
    start_ns: int
    end_ns: int
    attrs: dict[str, Any] | None
    extra: SpanExtra | None
    origin: Origin
    weight: int


class Sink(Protocol):
    """Takes finished spans. Never raises, never touches a socket, waits at most 1 ms."""

    def put(self, span: SpanRecord | ReadableSpan, /) -> None:
        """Take one finished, sampled span: a record, or a span of the SDK."""
        ...


@runtime_checkable
class SinkHolder(Protocol):
    """A span processor that only hands spans to a sink.

    A provider of vaquero that is given one calls the sink directly at span end and skips the
    processor's ``on_start`` and ``on_end``, which is what makes the short path short.
    """

    @property
    def sink(self) -> Sink:
        """Where the finished spans go."""
        ...
