"""The pipeline as a whole, in one process: what it builds, takes, sends, counts and tells."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, TraceFlags

from tests.support.otlp_receiver import Answer
from tests.support.otlp_receiver import OtlpReceiver as Backend
from tests.support.waiting import wait_until
from vaquero import _runtime
from vaquero.pipeline import (
    Destination,
    Pipeline,
    PipelineSettings,
    SpanExporter,
    SpanProcessor,
)
from vaquero.pipeline.self_metrics import register_instruments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def backend() -> Iterator[Backend]:
    """An OTLP/HTTP server."""
    with Backend() as running:
        yield running


class Service:
    """A pipeline behind a provider of the SDK."""

    def __init__(self, backend: Backend, **more: Any) -> None:
        destination = Destination(f"{backend.url}/v1/traces", named_by_user=True)
        self.pipeline = Pipeline(PipelineSettings(traces=destination, **more))
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SpanProcessor(self.pipeline))
        self.tracer = self.provider.get_tracer("t")

    def spans(self, count: int) -> None:
        for number in range(count):
            self.tracer.start_span(f"s{number}").end()


@pytest.fixture
def service(backend: Backend) -> Iterator[Service]:
    """A service without a spool."""
    one = Service(backend)
    yield one
    one.pipeline.shutdown(1.0)


def names(backend: Backend) -> list[str]:
    return [
        span.name
        for body in backend.bodies("/v1/traces")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_construction_builds_memory_only(backend: Backend, tmp_path: Path) -> None:
    """No thread, no connection and no file before the first span."""
    threads = set(threading.enumerate())
    one = Service(backend, spool_dir=tmp_path / "spool")
    assert set(threading.enumerate()) <= threads
    assert one.pipeline.shutdown(1.0)
    assert backend.connections == 0
    assert list(tmp_path.iterdir()) == []


def test_spans_arrive_without_being_asked_for(backend: Backend, service: Service) -> None:
    """Within the delay of the sender, without a flush."""
    service.spans(10)
    wait_until(lambda: len(names(backend)) == 10, "delivery")
    wait_until(lambda: service.pipeline.stats().spans_sent == 10, "delivery")


def test_stats_count_truly(backend: Backend, service: Service) -> None:
    """Accepted, sent, traces, requests, and nothing lost."""
    with service.tracer.start_as_current_span("parent"):
        service.spans(4)
    service.spans(3)
    assert service.pipeline.flush(10)
    stats = service.pipeline.stats()
    assert (stats.spans_accepted, stats.spans_sent, stats.spans_dropped) == (8, 8, 0)
    assert stats.traces_sent == 4
    assert (stats.queue_size, stats.waiting, stats.memory_bytes) == (0, 0, 0)
    assert stats.requests >= 1
    assert stats.errors == 0
    assert stats.last_error is None
    assert stats.last_flush_time == pytest.approx(time.time(), abs=60)


def test_unsampled_spans_are_not_taken(backend: Backend) -> None:
    """What the sampler refused never enters the pipeline."""
    pipeline = Pipeline(PipelineSettings(traces=Destination(f"{backend.url}/v1/traces")))
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(pipeline))
    provider.get_tracer("t").start_span("x").end()
    assert pipeline.stats().spans_accepted == 0


def test_the_exporter_serves_a_batch_processor(backend: Backend, service: Service) -> None:
    """For code that builds the SDK's own processor: the batch arrives through the pipeline."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(SpanExporter(service.pipeline)))
    provider.get_tracer("t").start_span("batched").end()
    provider.shutdown()
    assert names(backend) == ["batched"]


def test_the_processor_finds_the_pipeline_in_use(
    backend: Backend, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an argument it uses the pipeline of the SDK in use, when the first span ends."""
    monkeypatch.setattr(_runtime, "starter", None)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor())
    tracer = provider.get_tracer("t")
    tracer.start_span("nobody takes this").end()
    _runtime.set_sdk(type("Sdk", (), {"pipeline": service.pipeline})())
    tracer.start_span("found").end()
    assert provider.force_flush()
    assert names(backend) == ["found"]


def test_after_shutdown_spans_are_counted(backend: Backend, service: Service) -> None:
    """The threads are gone, late spans are counted as lost, and nothing raises."""
    service.spans(5)
    threads = service.pipeline._threads
    assert threads is not None
    assert service.pipeline.shutdown(5.0)
    assert len(names(backend)) == 5
    assert not any(thread.is_alive() for thread in threads)
    service.spans(3)
    assert service.pipeline.stats().dropped == {"after_shutdown": 3}
    assert service.pipeline.shutdown()
    assert not service.pipeline.put_request("traces", b"", 1)


def test_a_second_life_after_shutdown(backend: Backend, service: Service) -> None:
    """Shutdown, then another pipeline in the same process: both deliver."""
    service.spans(2)
    service.pipeline.shutdown(5.0)
    again = Service(backend)
    again.spans(3)
    assert again.pipeline.shutdown(5.0)
    assert len(names(backend)) == 5


def test_a_signal_without_destination_is_counted(service: Service) -> None:
    """Metrics where none are configured are refused and counted."""
    assert not service.pipeline.put_request("metrics", b"x", 7)
    assert service.pipeline.stats().signals["metrics"].dropped == {"no_destination": 7}


def test_an_unusable_destination_is_said_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that is no URL: one line, no exception, and the spans counted as lost."""
    pipeline = Pipeline(PipelineSettings(traces=Destination("nonsense://user:hunter2@x")))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(pipeline))
    provider.get_tracer("t").start_span("x").end()
    pipeline.flush(5)
    assert pipeline.stats().dropped == {"no_destination": 1}
    assert len(caplog.records) == 1
    assert "hunter2" not in caplog.text
    pipeline.shutdown(1.0)


def test_grpc_without_its_part_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where h2 is missing, gRPC is said to need it, with the command that installs it."""
    monkeypatch.setitem(sys.modules, "h2", None)
    monkeypatch.setitem(sys.modules, "h2.config", None)
    monkeypatch.delitem(sys.modules, "vaquero.pipeline.transport.grpc", raising=False)
    Pipeline(PipelineSettings(traces=Destination("http://127.0.0.1:4317", protocol="grpc")))
    assert "pip install h2" in caplog.text


def test_settings_hide_what_is_secret() -> None:
    """Headers, keys and credentials of URLs and proxies never show in a repr."""
    from vaquero.pipeline import Proxies

    destination = Destination(
        "https://user:hunter2@host/v1/traces?token=hunter2",
        headers=(("authorization", "hunter2"),),
        client_key="/hunter2.pem",
    )
    built = PipelineSettings(traces=destination, proxies=Proxies("http://u:hunter2@p"))
    assert "hunter2" not in repr(built)
    assert "https://host/v1/traces" in repr(built)
    assert "authorization" in repr(built)


def test_a_lost_answer_is_retried_with_the_same_id(backend: Backend, service: Service) -> None:
    """A failed request is sent again unchanged: same bytes, same batch id."""
    backend.answer = Answer(503)
    service.spans(10)
    wait_until(lambda: len(backend.requests) >= 2, "delivery")
    backend.answer = Answer()
    wait_until(lambda: service.pipeline.stats().spans_sent == 10, "delivery")
    ids = {request.headers["x-vaquero-batch-id"] for request in backend.requests}
    assert len({request.body for request in backend.requests}) == len(ids)


def test_memory_without_spool_is_bounded(backend: Backend, caplog: Any) -> None:
    """While the backend fails, the oldest are dropped beyond the bound, counted, and said once."""
    backend.answer = Answer(503)
    one = Service(backend, memory_max_bytes=20_000)
    for _ in range(30):
        one.spans(100)
        one.pipeline.flush(0.5)
    stats = one.pipeline.stats()
    assert stats.dropped["memory_full"] > 0
    assert stats.spans_accepted == 3000 == stats.waiting + stats.spans_dropped
    assert caplog.text.count("drops the oldest") == 1
    backend.answer = Answer()
    one.pipeline.shutdown(1.0)


def test_an_idle_pipeline_does_not_wake(service: Service) -> None:
    """With nothing to do both threads sleep: no round of the sender, no look of the writer."""
    service.spans(1)
    assert service.pipeline.flush(10)
    rounds = [0]
    step = service.pipeline._sender.step
    drain = service.pipeline._writer.drain

    def counted(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            rounds[0] += 1
            return function(*arguments)

        return call

    time.sleep(0.7)  # what is under way may end
    service.pipeline._sender.step = counted(step)  # type: ignore[method-assign]
    service.pipeline._writer.drain = counted(drain)  # type: ignore[method-assign]
    time.sleep(1.0)
    assert rounds[0] == 0


@pytest.mark.parametrize("status", [200, 503, 400])
def test_the_caller_pays_little(status: int, backend: Backend, tmp_path: Path) -> None:
    """Ending a span costs its caller less than a millisecond of CPU at p99.9, burst or outage."""
    backend.answer = Answer(status)
    one = Service(backend, spool_dir=tmp_path / "spool")
    spans = [one.tracer.start_span("x", attributes={"a": "b" * 50}) for _ in range(10_000)]
    costs: list[float] = []
    for span in spans:
        begun = time.thread_time()
        span.end()
        costs.append(time.thread_time() - begun)
    costs.sort()
    assert costs[9990] < 0.001
    backend.answer = Answer()
    one.pipeline.shutdown(1.0)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), max_size=20), st.dictionaries(st.text(min_size=1), VALUES))
def test_whatever_a_span_holds_arrives_or_is_counted(name: str, attributes: Any) -> None:
    """Any name and any attributes: no exception, and the accounts add up."""
    with Backend() as backend:
        one = Service(backend)
        context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
        span = ReadableSpan(name, context, attributes=attributes, start_time=1, end_time=2)
        one.provider._active_span_processor.on_end(span)
        one.spans(1)
        assert one.pipeline.shutdown(10.0)
        stats = one.pipeline.stats()
        assert stats.spans_accepted == 2 == stats.spans_sent + stats.spans_dropped
        assert "s0" in names(backend)


def test_instruments_tell_the_counts(backend: Backend, service: Service) -> None:
    """Drops by reason, spool, retries, and the names of the semantic conventions."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    register_instruments(meters.get_meter("vaquero"), service.pipeline)
    backend.answer = Answer(400)
    service.spans(4)
    service.pipeline.flush(10)
    data: Any = reader.get_metrics_data()
    points = {
        metric.name: list(metric.data.data_points)
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    dropped = points["vaquero.spans.dropped"][0]
    assert (dropped.value, dict(dropped.attributes)) == (4, {"reason": "http_400"})
    assert points["vaquero.export.errors"][0].value >= 1
    assert points["vaquero.spool.size"][0].value == 0
    exported = points["otel.sdk.exporter.span.exported"]
    assert {point.attributes.get("error.type") for point in exported} == {None, "http_400"}
    assert points["otel.sdk.processor.span.queue.capacity"][0].value > 0
    meters.shutdown()


def test_a_forked_child_begins_empty(backend: Backend, service: Service) -> None:
    """Counts from zero, nothing of the parent's, threads of its own."""
    service.spans(5)
    assert service.pipeline.flush(10)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            stats = service.pipeline.stats()
            service.spans(2)
            done = service.pipeline.flush(10)
            after = service.pipeline.stats()
            if (stats.spans_accepted, done, after.spans_sent) == (0, True, 2):
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert service.pipeline.stats().spans_accepted == 5
    assert len(names(backend)) == 7
    assert backend.connections == 2


def test_busy_threads_do_not_keep_a_flush_from_ending(backend: Backend, service: Service) -> None:
    """A flush asks for what was recorded before it; spans that go on ending do not hold it."""
    ending = threading.Event()

    def work() -> None:
        while not ending.is_set():
            service.tracer.start_span("busy").end()

    busy = threading.Thread(target=work)
    busy.start()
    try:
        service.spans(1)
        assert all(service.pipeline.flush(20.0) for _ in range(5))
        assert service.pipeline.at_exit(20.0)
        assert service.pipeline.at_exit(20.0)
    finally:
        ending.set()
        busy.join()
    assert names(backend).count("s0") == 1
