"""The provider and its spans, as OpenTelemetry and the pipeline see them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

from vaquero import _guard, _log
from vaquero.record import SpanRecord
from vaquero.tracing import TracerProvider


class ListSink:
    def __init__(self) -> None:
        self.spans: list[Any] = []

    def put(self, span: Any) -> None:
        self.spans.append(span)


class Holder(SpanProcessor):
    """A processor that only holds a sink; being called would be a mistake."""

    def __init__(self, sink: ListSink) -> None:
        self.sink = sink

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise AssertionError("a holder's on_start was called")

    def on_end(self, span: Any) -> None:
        raise AssertionError("a holder's on_end was called")


class Watcher(SpanProcessor):
    def __init__(self) -> None:
        self.started: list[Any] = []
        self.ended: list[Any] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.started.append((span, parent_context))

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


class Failing(SpanProcessor):
    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise RuntimeError("on_start")

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("on_end")

    def shutdown(self) -> None:
        raise RuntimeError("shutdown")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        raise RuntimeError("force_flush")


@pytest.fixture(autouse=True)
def fresh_log() -> Iterator[None]:
    """Each test may say everything anew."""
    _log.reset()
    yield
    _log.reset()


@pytest.fixture
def strict() -> Iterator[None]:
    """Our own faults fail the test."""
    _guard.strict = True
    yield
    _guard.strict = False


@pytest.fixture
def sink() -> ListSink:
    """Where spans of the provider end up."""
    return ListSink()


@pytest.fixture
def provider(sink: ListSink, strict: None) -> TracerProvider:
    """A provider with nothing but a sink."""
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(Holder(sink))
    return made


def test_span_is_record_and_sdk_span(provider: TracerProvider, sink: ListSink) -> None:
    """A sink gets the very span, which is a record and a span of the SDK."""
    tracer = provider.get_tracer("scope", "1.0")
    assert isinstance(tracer, SdkTracer)
    with tracer.start_as_current_span("name", attributes={"a": 1}) as span:
        assert trace.get_current_span() is span
        assert isinstance(span, SdkSpan) and isinstance(span, SpanRecord)
    assert trace.get_current_span() is trace.INVALID_SPAN
    (record,) = sink.spans
    assert record is span
    assert (record.title, record.attrs, record.parent_no) == ("name", {"a": 1}, 0)
    assert record.start_ns <= record.end_ns
    assert record.origin.scope.name == "scope"
    assert record.origin.resource is provider.resource


def test_children_follow_their_parent(provider: TracerProvider) -> None:
    """A child has its parent's trace and clock, and knows its parent's context."""
    tracer = provider.get_tracer("scope")
    with tracer.start_as_current_span("parent") as parent:
        with tracer.start_as_current_span("child") as child:
            pass
    assert child.parent == parent.get_span_context()
    assert child.get_span_context().trace_id == parent.get_span_context().trace_id
    assert parent.start_time <= child.start_time <= child.end_time <= parent.end_time


def test_processors_are_called_in_order_with_sinks(sink: ListSink) -> None:
    """A processor that changes a span before a sink gets it is heard first."""

    class Renaming(SpanProcessor):
        def on_end(self, span: Any) -> None:
            span._name = "renamed"

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Renaming())
    provider.add_span_processor(Holder(sink))
    provider.get_tracer("scope").start_span("name").end()
    assert [span.title for span in sink.spans] == ["renamed"]


def test_processor_added_later_is_heard(provider: TracerProvider) -> None:
    """A processor that is added while a span runs gets that span's end."""
    span = provider.get_tracer("scope").start_span("name")
    watcher = Watcher()
    provider.add_span_processor(watcher)
    span.end()
    assert watcher.ended == [span] and watcher.started == []


def test_failing_processors_do_not_reach_the_application(
    sink: ListSink, caplog: pytest.LogCaptureFixture
) -> None:
    """What processors raise is kept from the application and the other processors, and is said."""
    provider = TracerProvider(shutdown_on_exit=False)
    watcher = Watcher()
    for processor in (Failing(), watcher, Holder(sink)):
        provider.add_span_processor(processor)
    with provider.get_tracer("scope").start_as_current_span("name"):
        pass
    assert len(watcher.started) == len(watcher.ended) == len(sink.spans) == 1
    assert provider.force_flush() is False
    provider.shutdown()
    for method in ("on_start", "on_end", "force_flush", "shutdown"):
        assert f"Failing.{method} failed (RuntimeError: {method})" in caplog.text


class Deciding(Sampler):
    def __init__(self, decision: Decision) -> None:
        self.decision = decision

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return SamplingResult(self.decision, {"by": "sampler"})

    def get_description(self) -> str:
        return "Deciding"


def test_recorded_but_unsampled_spans_stay_from_sinks(sink: ListSink) -> None:
    """RECORD_ONLY spans go to processors, and not to sinks."""
    watcher = Watcher()
    provider = TracerProvider(Deciding(Decision.RECORD_ONLY), shutdown_on_exit=False)
    provider.add_span_processor(Holder(sink))
    provider.add_span_processor(watcher)
    with provider.get_tracer("scope").start_as_current_span("name") as span:
        assert span.is_recording() and not span.get_span_context().trace_flags.sampled
    assert watcher.ended == [span] and sink.spans == []
    only_sinks = TracerProvider(Deciding(Decision.RECORD_ONLY), shutdown_on_exit=False)
    only_sinks.add_span_processor(Holder(sink))
    only_sinks.get_tracer("scope").start_span("name").end()
    assert sink.spans == []


def test_custom_sampler_adds_attributes(sink: ListSink) -> None:
    """A sampler of the application's decides and adds attributes."""
    provider = TracerProvider(Deciding(Decision.RECORD_AND_SAMPLE), shutdown_on_exit=False)
    provider.add_span_processor(Holder(sink))
    provider.get_tracer("scope").start_span("name", attributes={"mine": 1}).end()
    assert sink.spans[0].attrs == {"by": "sampler"}


def test_unsampled_span_keeps_the_context(strict: None) -> None:
    """A dropped span has one valid context, and its children stay in its trace, dropped."""
    provider = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    tracer = provider.get_tracer("scope")
    with tracer.start_as_current_span("name") as span:
        context = span.get_span_context()
        assert context.is_valid and not context.trace_flags.sampled
        assert span.get_span_context() is context
        with tracer.start_as_current_span("child") as child:
            assert child.get_span_context().trace_id == context.trace_id
            assert child.get_span_context().span_id != context.span_id
            assert not child.is_recording()


def test_ended_span_stays_as_it_is(provider: TracerProvider) -> None:
    """What comes after the end changes nothing."""
    span: Any = provider.get_tracer("scope").start_span("name", attributes={"a": 1})
    span.end(end_time=5)
    span.set_attribute("b", 2)
    span.set_attributes({"c": 3})
    span.add_event("event")
    span.update_name("other")
    span.set_status(trace.StatusCode.OK)
    span.record_exception(ValueError())
    span.end(end_time=6)
    assert dict(span.attributes) == {"a": 1}
    assert (span.name, span.end_time, len(span.events)) == ("name", 5, 0)
    assert span.status.status_code is trace.StatusCode.UNSET


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "separate"])
def test_fifty_threads_lose_nothing(provider: TracerProvider, sink: ListSink, shared: bool) -> None:
    """50 threads on one span, or each on its own, lose no attribute, event or span."""
    wide = SpanLimits(max_span_attributes=100_000, max_events=100_000, max_links=100_000)
    provider = TracerProvider(span_limits=wide, shutdown_on_exit=False)
    provider.add_span_processor(Holder(sink))
    tracer = provider.get_tracer("scope")
    one: Any = tracer.start_span("shared")
    gate = threading.Barrier(50)

    def work(number: int) -> None:
        span: Any = one if shared else tracer.start_span("own", Context())
        gate.wait()
        for index in range(200):
            span.set_attribute(f"{number}.{index}", index)
            span.set_attributes({f"{number}.many.{index}": [index]})
            if index % 10 == 0:
                span.add_event(f"{number}.{index}", {"index": index})
        gate.wait()
        span.end()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # Threads take turns as often as can be.
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    spans = sink.spans
    assert len(spans) == (1 if shared else 50)
    for number in range(50):
        owners = [span for span in spans if f"{number}.0" in span.attrs]
        assert len(owners) == 1
        for index in range(200):
            assert owners[0].attrs[f"{number}.{index}"] == index
            assert owners[0].attrs[f"{number}.many.{index}"] == (index,)
    events = [event.name for span in spans for event in span.extra.events]
    assert sorted(events) == sorted(f"{n}.{i}" for n in range(50) for i in range(0, 200, 10))


def test_first_writers_of_a_span_do_not_lose_each_other(sink: ListSink, strict: None) -> None:
    """Threads that set the first attribute and add the first event of a span all succeed."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Holder(sink))
    tracer = provider.get_tracer("scope")
    spans: list[Any] = [tracer.start_span("name", Context()) for _ in range(300)]
    gate = threading.Barrier(4)

    def work(number: int) -> None:
        gate.wait()
        for span in spans:
            span.set_attribute(f"key {number}", number)
            span.add_event(f"event {number}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for span in spans:
        assert sorted(span.attributes) == [f"key {number}" for number in range(4)]
        assert sorted(event.name for event in span.events) == [f"event {n}" for n in range(4)]


WITHOUT_GIL = """
import sys, threading
sys._is_gil_enabled = lambda: False
from opentelemetry.context import Context
from vaquero.tracing import Span, TracerProvider
assert Span.end.__name__ == "end" and hasattr(Span.end, "__wrapped__")
span = TracerProvider(shutdown_on_exit=False).get_tracer("scope").start_span("name", Context())
def work(number):
    span.set_attribute(str(number), number)
    span.add_event(str(number), {"list": [number]})
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
span.end()
assert len(span.attributes) == len(span.events) == 8 and not span.is_recording()
"""


def test_span_takes_a_lock_where_there_is_no_gil() -> None:
    """On an interpreter that says it has no GIL the methods of a span are made one at a time."""
    subprocess.run([sys.executable, "-c", WITHOUT_GIL], check=True, timeout=60)
