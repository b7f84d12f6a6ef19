"""The hand-written encoder writes the messages that the SDK's encoder builds."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.sdk.version import __version__ as SDK_VERSION
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from vaquero.pipeline.otlp.foreign_spans import from_readable
from vaquero.pipeline.otlp.span_batches import Encoding, SpanCodec

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def parsed(encoding: Encoding) -> ExportTraceServiceRequest:
    """All frames as one request, as the sender joins them."""
    request = ExportTraceServiceRequest()
    request.ParseFromString(b"".join(request.body for request in encoding.requests))
    return request


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
keys = st.one_of(st.text("abc.XY_", min_size=1, max_size=6), words.filter(bool))
numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 20000)
floats = st.floats(allow_nan=False)
long_words = st.text("ab", min_size=100, max_size=300)
scalars = st.one_of(
    st.none(), st.booleans(), numbers, floats, words, long_words, st.binary(max_size=40)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple), st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)
if tuple(map(int, SDK_VERSION.split(".")[:2])) < (1, 45):
    # Older SDKs turn all but scalars and even sequences into None, and fail to encode None.
    plain = [st.booleans(), numbers, floats, words, long_words]
    values = st.one_of(*plain, *(st.lists(one, max_size=4).map(tuple) for one in plain))
attributes = st.dictionaries(keys, values, max_size=8)
times = st.integers(0, 2**63)


@st.composite
def states(draw: Any) -> TraceState | None:
    """Trace states of a few entries."""
    names = draw(st.lists(st.text("abcxyz", min_size=1, max_size=5), max_size=3, unique=True))
    return TraceState([(name, f"v{number}") for number, name in enumerate(names)]) or None


@st.composite
def contexts(draw: Any) -> SpanContext:
    """Valid span contexts, local and remote."""
    return SpanContext(
        draw(st.integers(1, 2**128 - 1)),
        draw(st.integers(1, 2**64 - 1)),
        draw(st.booleans()),
        TraceFlags(draw(st.integers(0, 3))),
        draw(states()),
    )


def bounded(values: dict[str, Any] | None, dropped: int) -> Any:
    """Attributes as the SDK holds them, some of them dropped."""
    if values is None:
        return None
    made = BoundedAttributes(128, values, immutable=False)
    made.dropped = dropped
    return made


def listed(items: list[Any], dropped: int) -> Any:
    """Events or links as the SDK holds them, some of them dropped."""
    made = BoundedList.from_seq(128, items)
    made.dropped = dropped
    return made


@st.composite
def events(draw: Any) -> Event:
    """Events with attributes."""
    held = bounded(draw(attributes), draw(st.integers(0, 3)))
    return Event(draw(words), attributes=held, timestamp=draw(times))


@st.composite
def links(draw: Any) -> Link:
    """Links with attributes."""
    return Link(draw(contexts()), bounded(draw(attributes), draw(st.integers(0, 3))))


RESOURCES = [
    Resource({"service.name": "a", "n": 1}),
    Resource({"service.name": "b", "list": ("x", "y")}, "https://example.com/schema"),
    Resource({"service.name": "a", "n": 1}),
    Resource({}),
]
SCOPES = [
    None,
    InstrumentationScope("lib", "1.0"),
    InstrumentationScope("lib", "2.0", "https://example.com/s", {"deep": True}),
    InstrumentationScope("lib", "1.0"),
]


@st.composite
def spans(draw: Any) -> ReadableSpan:
    """Finished spans with everything that a span can have."""
    start = draw(times)
    return ReadableSpan(
        draw(words),
        context=draw(contexts()),
        parent=draw(st.none() | contexts()),
        resource=draw(st.sampled_from(RESOURCES)),
        attributes=draw(st.one_of(attributes.map(lambda a: bounded(a, 2)), attributes)),
        events=listed(draw(st.lists(events(), max_size=3)), draw(st.integers(0, 2))),
        links=listed(draw(st.lists(links(), max_size=3)), draw(st.integers(0, 2))),
        kind=draw(st.sampled_from(list(SpanKind))),
        status=draw(
            st.sampled_from(
                [Status(), Status(StatusCode.OK), Status(StatusCode.ERROR, "it failed: é")]
            )
        ),
        start_time=start,
        end_time=start + draw(st.integers(0, 10**12)),
        instrumentation_scope=draw(st.sampled_from(SCOPES)),
    )


@QUICK
@given(st.lists(spans(), min_size=1, max_size=5))
def test_messages_equal_those_of_the_sdk(batch: list[ReadableSpan]) -> None:
    """Any batch of spans gives the very message that the SDK's encoder builds of it."""
    assert parsed(SpanCodec(None).encode(batch)) == encode_spans(batch)


SHARED = SpanCodec(None)


@QUICK
@given(st.lists(spans(), min_size=1, max_size=5))
def test_caches_do_not_change_the_messages(batch: list[ReadableSpan]) -> None:
    """A codec that has seen other spans before, and its records, give the same messages."""
    expected = encode_spans(batch)
    assert parsed(SHARED.encode(batch)) == expected
    assert parsed(SHARED.encode([from_readable(span) for span in batch])) == expected
    assert parsed(SHARED.encode(batch)) == expected


@QUICK
@given(st.lists(spans(), min_size=1, max_size=8), st.integers(1, 2000))
def test_requests_split_by_size_hold_every_span_once(batch: list[ReadableSpan], size: int) -> None:
    """However small the requests are to be, each span is in exactly one of them."""
    encoding = SpanCodec(None).encode(batch, max_bytes=size)
    assert sum(request.items for request in encoding.requests) == len(batch)
    assert not encoding.quarantined
    for request in encoding.requests:
        assert _count(ExportTraceServiceRequest.FromString(request.body)) == request.items
        assert request.items == 1 or len(request.body) < size + 1000
    assert _all_spans(parsed(encoding)) == _all_spans(encode_spans(batch))


def _count(request: ExportTraceServiceRequest) -> int:
    return sum(len(scope.spans) for group in request.resource_spans for scope in group.scope_spans)


def _all_spans(request: ExportTraceServiceRequest) -> list[bytes]:
    return sorted(
        span.SerializeToString(deterministic=True)
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    )


def test_spans_of_a_running_provider_equal() -> None:
    """Spans that the SDK itself made, with evicted attributes and events, arrive unchanged."""
    memory = InMemorySpanExporter()
    limits = SpanLimits(max_span_attributes=3, max_events=2, max_links=1, max_event_attributes=1)
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("t", "1", "https://example.com/s", {"scope": "x"})
    with tracer.start_as_current_span("root", kind=SpanKind.SERVER) as root:
        root.set_attributes({f"k{n}": n for n in range(5)})
        for number in range(4):
            root.add_event(f"e{number}", {"a": 1, "b": [1, 2]})
        try:
            with tracer.start_as_current_span("child"):
                raise ValueError("no")
        except ValueError:
            pass
        with tracer.start_as_current_span("linked", links=[Link(root.get_span_context())] * 2):
            pass
    finished = list(memory.get_finished_spans())
    assert any(span.dropped_attributes and span.dropped_events for span in finished)
    assert any(span.dropped_links for span in finished)
    assert parsed(SpanCodec(None).encode(finished)) == encode_spans(finished)
    provider.shutdown()


class _Foreign(ReadableSpan):
    """A subclass with another way to hold its name, as a library may have it."""

    @property
    def name(self) -> str:
        return f"<{super().name}>"


@QUICK
@given(spans())
def test_subclasses_are_read_by_their_properties(span: ReadableSpan) -> None:
    """A subclass of the SDK's span is asked, not opened: what its properties say is sent."""
    foreign = _Foreign.__new__(_Foreign)
    foreign.__dict__.update(span.__dict__)
    assert parsed(SpanCodec(None).encode([foreign])) == encode_spans([foreign])
