"""The spool for people: listing, draining, resending, clearing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider

from tests.support.otlp_receiver import Answer, OtlpReceiver
from vaquero.pipeline import Destination, Pipeline, PipelineSettings, SpanProcessor, spool
from vaquero.pipeline.spool import lock

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not lock.SUPPORTED, reason="no spool on this system")


@pytest.fixture
def backend() -> Iterator[OtlpReceiver]:
    """An OTLP/HTTP server."""
    with OtlpReceiver() as running:
        yield running


def settings(backend: OtlpReceiver, root: Path, token: str = "t") -> PipelineSettings:
    destination = Destination(
        f"{backend.url}/v1/traces", headers=(("authorization", token),), named_by_user=True
    )
    return PipelineSettings(traces=destination, spool_dir=root)


def leave(backend: OtlpReceiver, root: Path, count: int, status: int) -> None:
    """A process that could not send its spans, and has ended."""
    backend.answer = Answer(status)
    pipeline = Pipeline(settings(backend, root))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(pipeline))
    tracer = provider.get_tracer("t")
    for number in range(count):
        tracer.start_span(f"s{number}").end()
    pipeline.shutdown(2.0)
    backend.answer = Answer()
    backend.requests.clear()


def spans(backend: OtlpReceiver) -> int:
    return sum(
        len(scope.spans)
        for body in backend.bodies("/v1/traces")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
    )


def test_no_spool_is_an_empty_one(backend: OtlpReceiver, tmp_path: Path) -> None:
    """Listing, draining, resending and clearing what is not there gives nothing, makes nothing."""
    root = tmp_path / "none"
    assert spool.inventory(root) == []
    assert spool.total_bytes(root) == 0
    assert spool.clear(root) == 0
    assert spool.drain(settings(backend, root)) == spool.Outcome(0, 0, 0)
    assert spool.resend(settings(backend, root)) == spool.Outcome(0, 0, 0)
    assert not root.exists()


def test_what_waits_is_listed(backend: OtlpReceiver, tmp_path: Path) -> None:
    """An ended process's folder: its pid, its spans, its age; and nothing about the address."""
    leave(backend, tmp_path / "s", 30, 503)
    (entry,) = spool.inventory(tmp_path / "s")
    assert (entry.state, entry.signals) == ("orphaned", {"traces": 30})
    assert entry.pid is not None
    assert entry.requests > 0
    assert entry.size_bytes > 0
    assert entry.oldest_s is not None
    assert str(backend.port) not in repr(entry)
    assert spool.total_bytes(tmp_path / "s") > 0


def test_draining_sends_and_reports_progress(backend: OtlpReceiver, tmp_path: Path) -> None:
    """Everything is sent now, the calls tell how far it is, and nothing is left."""
    for _ in range(3):
        leave(backend, tmp_path / "s", 20, 503)
    seen: list[tuple[int, int]] = []
    outcome = spool.drain(
        settings(backend, tmp_path / "s"), lambda done, total: seen.append((done, total))
    )
    assert outcome == spool.Outcome(60, 0, 0)
    assert seen[-1] == (60, 60)
    assert spans(backend) == 60
    assert spool.inventory(tmp_path / "s") == []


def test_draining_stays_with_its_destination(backend: OtlpReceiver, tmp_path: Path) -> None:
    """What was left for another credential is not touched."""
    leave(backend, tmp_path / "s", 20, 503)
    assert spool.drain(settings(backend, tmp_path / "s", "other")).sent == 0
    assert spans(backend) == 0
    assert len(spool.inventory(tmp_path / "s")) == 1


def test_draining_towards_a_dead_backend_ends(backend: OtlpReceiver, tmp_path: Path) -> None:
    """It gives up within its time, says why, and everything is still there."""
    leave(backend, tmp_path / "s", 20, 503)
    backend.answer = Answer(503)
    outcome = spool.drain(settings(backend, tmp_path / "s"), timeout_s=0.5)
    assert (outcome.sent, outcome.left) == (0, 20)
    assert outcome.problem is not None
    assert "503" in outcome.problem


def test_what_was_refused_is_resent_after_mending(backend: OtlpReceiver, tmp_path: Path) -> None:
    """Requests refused for their credential are listed, and sent with the right one."""
    leave(backend, tmp_path / "s", 25, 401)
    (entry,) = spool.inventory(tmp_path / "s")
    assert (entry.state, entry.signals, entry.pid) == ("refused", {"traces": 25}, None)
    backend.answer = Answer(401)
    assert spool.resend(settings(backend, tmp_path / "s")).left == 25
    backend.answer = Answer()
    backend.requests.clear()
    seen: list[tuple[int, int]] = []
    mended = settings(backend, tmp_path / "s", "right")
    outcome = spool.resend(mended, lambda done, total: seen.append((done, total)))
    assert outcome == spool.Outcome(25, 0, 0)
    assert seen[-1] == (25, 25)
    assert spans(backend) == 25
    assert backend.requests[0].headers["authorization"] == "right"
    assert spool.inventory(tmp_path / "s") == []


def test_clearing_leaves_the_living_alone(backend: OtlpReceiver, tmp_path: Path) -> None:
    """What the dead left and what was refused is deleted; a running process keeps its own."""
    leave(backend, tmp_path / "s", 10, 503)
    leave(backend, tmp_path / "s", 5, 404)
    backend.answer = Answer(503)
    pipeline = Pipeline(settings(backend, tmp_path / "s", "alive"))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(pipeline))
    provider.get_tracer("t").start_span("mine").end()
    assert pipeline.flush(5)
    assert spool.clear(tmp_path / "s") == 15
    (entry,) = spool.inventory(tmp_path / "s")
    assert (entry.state, entry.signals) == ("live", {"traces": 1})
    backend.answer = Answer()
    pipeline.shutdown(2.0)
