"""The codec as the pipeline uses it: bounded, thread-safe, and each origin encoded once."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from vaquero.pipeline.otlp.foreign_spans import from_readable, origin_of
from vaquero.pipeline.otlp.span_batches import SpanCodec
from vaquero.record import Origin, SpanRecord
from vaquero.redaction import Redactor
from vaquero.tracing.provider import TracerProvider as OwnProvider

ORIGIN = Origin(Resource({"service.name": "test"}), None)


def record(attrs: dict[str, Any], title: str = "work", origin: Origin = ORIGIN) -> SpanRecord:
    """A plain finished span."""
    made = SpanRecord()
    made.title, made.span_kind, made.attrs, made.extra = title, SpanKind.INTERNAL, attrs, None
    made.trace_no, made.span_no, made.parent_no, made.parent_remote = 1 << 90, 5, 0, None
    made.flag_bits, made.state, made.start_ns, made.end_ns = 1, None, 1, 2
    made.origin, made.weight = origin, 0
    return made


def spans_of(body: bytes) -> list[Any]:
    """All spans of a request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        span
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def values_of(body: bytes) -> list[Any]:
    """The text of the first attribute of each span."""
    return [span.attributes[0].value.string_value for span in spans_of(body)]


def size_of(thing: object, seen: set[int]) -> int:
    """Bytes of an object and all that it holds, roughly."""
    if id(thing) in seen or isinstance(thing, type):
        return 0
    seen.add(id(thing))
    size = sys.getsizeof(thing)
    inner: list[object] = []
    if isinstance(thing, dict):
        inner += [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        inner += list(thing)
    else:
        inner += list(getattr(thing, "__dict__", {}).values())
        inner += [getattr(thing, name, None) for name in getattr(thing, "__slots__", ())]
    return size + sum(size_of(each, seen) for each in inner)


def test_caches_are_bounded() -> None:
    """Ever new names, keys and values make the codec remember a few megabytes and no more."""
    codec = SpanCodec(Redactor())
    for number in range(0, 60_000, 100):
        batch = [
            record(
                {f"key{n % 5000}.{'x' * 50}": f"value {n} {'y' * 200}", "n": n, "fixed": f"v{n}"},
                title=f"name {n}",
            )
            for n in range(number, number + 100)
        ]
        codec.encode(batch)
    assert size_of(codec, set()) < 12_000_000


def test_the_origin_of_the_same_objects_is_one() -> None:
    """Spans of one tracer share their origin, by identity; other objects have another."""
    resource, again = Resource({"a": 1}), Resource({"a": 1})
    assert origin_of(resource, None) is origin_of(resource, None)
    assert origin_of(resource, None) is not origin_of(again, None)


def test_threads_share_one_codec() -> None:
    """Several threads that encode at once with one codec get their own spans, unmixed."""
    codec = SpanCodec(Redactor())
    wrong: list[str] = []
    start = threading.Barrier(4)

    def work(name: str) -> None:
        start.wait()
        for turn in range(40):
            batch = [
                record({"k": f"{name} {turn} {n}", "password": "x", "e": ("a", n)})
                for n in range(50)
            ]
            encoding = codec.encode(batch)
            got = values_of(b"".join(request.body for request in encoding.requests))
            if got != [f"{name} {turn} {n}" for n in range(50)] or encoding.quarantined:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_types_that_equal_each_other_stay_apart() -> None:
    """1, 1.0 and True are one key to a dict, but arrive as integer, double and boolean."""
    codec = SpanCodec(None)
    for _ in range(2):
        for value, field in ((1, "int_value"), (1.0, "double_value"), (True, "bool_value")):
            span = spans_of(codec.encode([record({"k": value})]).requests[0].body)[0]
            assert span.attributes[0].value.WhichOneof("value") == field


def test_values_that_rest_from_the_cache_are_still_right() -> None:
    """A key with ever new values stops being remembered and is encoded all the same."""
    codec = SpanCodec(Redactor())
    for number in range(2000):
        body = codec.encode([record({"k": f"v{number}", "n": number})]).requests[0].body
        span = spans_of(body)[0]
        assert span.attributes[0].value.string_value == f"v{number}"
        assert span.attributes[1].value.int_value == number
    again = codec.encode([record({"k": "v5"})]).requests[0].body
    assert values_of(again) == ["v5"]


def test_an_sdk_with_other_fields_is_read_by_its_properties() -> None:
    """Where the SDK has renamed what it holds, the public properties give the same span."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer("t").start_as_current_span("work", attributes={"a": 1}) as span:
        span.add_event("e")
    (finished,) = memory.get_finished_spans()
    expected = encode_spans([finished])
    by_field = SpanCodec(None).encode([finished]).requests[0].body
    assert ExportTraceServiceRequest.FromString(by_field) == expected

    class Renamed:
        """Only the public side of a span."""

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return getattr(finished, name)

    renamed: Any = Renamed()
    by_property = SpanCodec(None).encode([renamed]).requests[0].body
    assert ExportTraceServiceRequest.FromString(by_property) == expected
    assert from_readable(renamed).title == "work"


class Keeper:
    """A span processor that only holds a sink, which keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.sink = self

    def put(self, span: Any) -> None:
        self.spans.append(span)

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def test_spans_of_ours_give_the_message_of_the_sdk() -> None:
    """Spans of our own provider, encoded as records, equal what the SDK makes of them as spans."""
    keeper: Any = Keeper()
    provider = OwnProvider(resource=Resource({"service.name": "x"}))
    provider.add_span_processor(keeper)
    tracer = provider.get_tracer("lib", "1")
    attributes: Any = {"a": 1, "b": "x", "c": [1, 2], "d": True, "e": 1.5}
    with tracer.start_as_current_span("root", kind=SpanKind.SERVER, attributes=attributes) as root:
        root.add_event("e", {"k": 1})
        links = [Link(root.get_span_context(), {"l": 1})]
        with tracer.start_as_current_span("child", links=links) as child:
            child.set_status(Status(StatusCode.ERROR, "no"))
        try:
            with tracer.start_as_current_span("failed"):
                raise ValueError("no")
        except ValueError:
            pass
    assert len(keeper.spans) == 3
    assert all(isinstance(span, SpanRecord) for span in keeper.spans)
    body = SpanCodec(None).encode(keeper.spans).requests[0].body
    assert ExportTraceServiceRequest.FromString(body) == encode_spans(keeper.spans)
    provider.shutdown()


def test_an_interrupt_reaches_the_application() -> None:
    """Ctrl-C while a span is being encoded costs no span, and is raised right afterwards."""

    class Interrupting(dict[str, Any]):
        def items(self) -> Any:
            raise KeyboardInterrupt

    encoding = None
    with pytest.raises(KeyboardInterrupt):
        encoding = SpanCodec(None).encode([record(Interrupting(a=1)), record({})])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            pass
    assert encoding is None or encoding.requests[0].items == 2


def test_nothing_gives_nothing() -> None:
    """No spans make no frame."""
    encoding = SpanCodec(None).encode([])
    assert encoding.requests == []
    assert encoding.quarantined == {}
