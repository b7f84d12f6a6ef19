"""The pipeline as a whole, in one process: what it builds, takes, sends and counts."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanContext, TraceFlags

from tests.support.otlp_receiver import Answer, OtlpReceiver
from tests.support.waiting import wait_until
from tests.unit.pipeline.service import Service, names
from vaquero.pipeline import (
    Destination,
    Pipeline,
    PipelineSettings,
    SpanProcessor,
)

if TYPE_CHECKING:
    from pathlib import Path


def threads() -> set[threading.Thread]:
    """Threads of pipelines, of this one and of others, that live now."""
    return {one for one in threading.enumerate() if one.name.startswith("vaquero-")}


def test_construction_builds_memory_only(backend: OtlpReceiver, tmp_path: Path) -> None:
    """No thread, no connection and no file before the first span."""
    before = threads()
    one = Service(backend, spool_dir=tmp_path / "spool")
    assert threads() <= before
    assert one.pipeline.shutdown(1.0)
    assert backend.connections == 0
    assert list(tmp_path.iterdir()) == []


def test_spans_arrive_without_being_asked_for(backend: OtlpReceiver, service: Service) -> None:
    """Within the delay of the sender, without a flush."""
    service.spans(10)
    wait_until(lambda: len(names(backend)) == 10, "delivery")
    wait_until(lambda: service.pipeline.stats().spans_sent == 10, "delivery")


def test_stats_count_truly(backend: OtlpReceiver, service: Service) -> None:
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


def test_after_shutdown_spans_are_counted(backend: OtlpReceiver, service: Service) -> None:
    """The threads are gone, late spans are counted as lost, and nothing raises."""
    others = threads()
    service.spans(5)
    own = threads() - others
    assert {thread.name for thread in own} == {"vaquero-writer", "vaquero-sender"}
    assert service.pipeline.shutdown(5.0)
    assert len(names(backend)) == 5
    assert not any(thread.is_alive() for thread in own)
    service.spans(3)
    assert service.pipeline.stats().dropped == {"after_shutdown": 3}
    assert service.pipeline.shutdown()
    assert not service.pipeline.put_request("traces", b"", 1)


def test_a_second_life_after_shutdown(backend: OtlpReceiver, service: Service) -> None:
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
    """Where h2 is missing, the log says that gRPC needs it, with the command that installs it."""
    monkeypatch.setitem(sys.modules, "h2", None)
    monkeypatch.setitem(sys.modules, "h2.config", None)
    monkeypatch.delitem(sys.modules, "vaquero.pipeline.transport.grpc", raising=False)
    Pipeline(PipelineSettings(traces=Destination("http://127.0.0.1:4317", protocol="grpc")))
    assert "pip install h2" in caplog.text


def test_a_lost_answer_is_retried_with_the_same_id(backend: OtlpReceiver, service: Service) -> None:
    """A failed request is sent again unchanged: same bytes, same batch id."""
    backend.answer = Answer(503)
    service.spans(10)
    wait_until(lambda: len(backend.requests) >= 2, "delivery")
    backend.answer = Answer()
    wait_until(lambda: service.pipeline.stats().spans_sent == 10, "delivery")
    ids = {request.headers["x-vaquero-batch-id"] for request in backend.requests}
    assert len({request.body for request in backend.requests}) == len(ids)


def test_memory_without_spool_is_bounded(backend: OtlpReceiver, caplog: Any) -> None:
    """While the backend fails, the oldest are dropped beyond the bound, counted, logged once."""
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
    with OtlpReceiver() as backend:
        one = Service(backend)
        context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
        span = ReadableSpan(name, context, attributes=attributes, start_time=1, end_time=2)
        one.processor.on_end(span)
        one.spans(1)
        assert one.pipeline.shutdown(10.0)
        stats = one.pipeline.stats()
        assert stats.spans_accepted == 2 == stats.spans_sent + stats.spans_dropped
        assert "s0" in names(backend)


def test_a_forked_child_begins_empty(backend: OtlpReceiver, service: Service) -> None:
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


def test_busy_threads_do_not_keep_a_flush_from_ending(
    backend: OtlpReceiver, service: Service
) -> None:
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
