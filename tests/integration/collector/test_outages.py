"""Backends that are away, that refuse, that are slow to come back; Collectors that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp_client import post
from tests.support.otlp_receiver import Answer
from tests.support.processes import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.collector


class Sender:
    """Sends numbered items, and remembers those that were taken."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.refused = 0
        self._next = 0

    def batch(self, count: int, padding: int = 0) -> ExportTraceServiceRequest:
        """Return a request with spans that have a number each."""
        request = ExportTraceServiceRequest()
        spans = request.resource_spans.add().scope_spans.add().spans
        for _ in range(count):
            name = f"span-{self._next}"
            self._next += 1
            span = spans.add(name=name, trace_id=os.urandom(16), span_id=os.urandom(8))
            span.start_time_unix_nano = span.end_time_unix_nano = 1_790_000_000_000_000_000
            if padding:
                value = os.urandom(padding // 2).hex()
                span.attributes.add(key="padding").value.string_value = value
        return request

    def send(self, url: str, request: ExportTraceServiceRequest) -> bool:
        """Send one request; says whether it was taken."""
        if not accepted(url, "traces", request):
            self.refused += 1
            return False
        self.taken.update(span.name for span in request.resource_spans[0].scope_spans[0].spans)
        return True


def accepted(url: str, signal_name: str, request: Any) -> bool:
    """Send one request; says whether it was taken."""
    try:
        status = post(url, signal_name, request)
    except OSError:
        return False
    # The refusals that tell a sender to try again with the same.
    assert status in (200, 429, 503)
    return status == 200


def kill(child: Any) -> None:
    """End a Collector by force."""
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: not child.running, "the end of the killed Collector")


def names(backend: Any) -> Counter[str]:
    """Return how often each span arrived, by name."""
    return Counter(span.name for span in backend.spans)


def test_nothing_is_lost_by_a_kill_and_a_stop_while_the_backend_is_away(
    collect: Any, open_backend: Any
) -> None:
    """What was taken while the backend was away survives a kill and a stop, and arrives once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    sender = Sender()
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "kept"
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="kept")
    metric.gauge.data_points.add(as_int=7)
    first = collect(url)
    for _ in range(10):
        assert sender.send(first.http_url, sender.batch(100))
    assert accepted(first.http_url, "logs", logs) and accepted(first.http_url, "metrics", metrics)
    kill(first)
    second = collect(url)
    for _ in range(10):
        assert sender.send(second.http_url, sender.batch(100))
    second.stop()  # the Collector's log says "Dropping data" here
    third = collect(url)
    assert third.stats().waiting_bytes > 0
    backend = open_backend(port=port)
    wait_until(lambda: len(names(backend)) == 2000, "delivery of all spans")
    wait_until(lambda: backend.logs and backend.metrics("kept"), "delivery of the others")
    wait_until(lambda: third.stats().waiting_bytes == 0, "an empty queue")
    assert names(backend) == sender.taken
    assert [record.body.string_value for record in backend.logs] == ["kept"]
    assert len(backend.metrics("kept")) == 1


def test_a_full_queue_refuses_and_loses_nothing(collect: Any, open_backend: Any) -> None:
    """A full queue tells senders to wait; after a kill, all that was taken arrives once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {"VAQUERO_COLLECTOR_QUEUE_SIZE_BYTES": "300000"}
    sender = Sender()
    first = collect(url, env=env)
    refused = sender.batch(10, padding=1000)
    while sender.send(first.http_url, refused):
        assert len(sender.taken) < 10000
        refused = sender.batch(10, padding=1000)
    figures = first.stats().signals["traces"]
    assert len(sender.taken) > 100
    assert figures.queue_capacity_bytes == 300000
    assert figures.queue_bytes > 250000
    kill(first)
    second = collect(url, env=env)
    assert not sender.send(second.http_url, refused)
    backend = open_backend(port=port)
    wait_until(lambda: sender.send(second.http_url, refused), "room in the queue")
    wait_until(lambda: len(names(backend)) == len(sender.taken), "delivery")
    assert names(backend) == sender.taken
    assert second.stats().signals["traces"].failed == 0


def test_a_backend_that_is_busy_gets_everything_later(backend: Any, collect: Any) -> None:
    """A backend that answers 503 for a while gets every span once when it takes them again."""
    backend.answer = Answer(503)
    child = collect(backend.url)
    sender = Sender()
    assert sender.send(child.http_url, sender.batch(50))
    wait_until(lambda: backend.requests, "a first attempt")
    backend.answer = Answer(200)
    wait_until(lambda: len(names(backend)) == 50, "delivery")
    assert names(backend) == sender.taken


def run_verb(binary: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a verb of `vaquero collector` as a user does."""
    code = "from vaquero_collector.cli import collector; collector()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "VAQUERO_OTELCOL": str(binary), **env},
    )


@pytest.mark.parametrize(("status", "said"), [(401, "refuses the key (401)"), (404, "no traces")])
def test_a_backend_that_refuses_for_good_is_found_out_before_the_start(
    status: int, said: str, backend: Any, binary: Path
) -> None:
    """With a wrong key or address nothing is started, so senders keep what they have."""
    backend.answer = Answer(status)
    done = run_verb(
        binary, "run", "-d", "--http-port", "0", "--grpc-port", "0", "--forward-to", backend.url,
        VAQUERO_OTLP_HEADERS="api-key=wr0ng",
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line and "nothing is lost" in line
    assert "wr0ng" not in done.stdout + done.stderr
    assert backend.requests[0].headers["api-key"] == "wr0ng"


def test_what_a_backend_refuses_for_good_is_counted_and_said(backend: Any, collect: Any) -> None:
    """A refusal for good while running is counted as failed, and one line says how many."""
    from vaquero_collector.watch import notice

    child = collect(backend.url)
    backend.answer = Answer(400)
    sender = Sender()
    assert sender.send(child.http_url, sender.batch(5))
    wait_until(lambda: child.stats().signals["traces"].failed == 5, "the count of failed spans")
    log = child.plan().log.read_text().splitlines()
    (said,) = [
        text for line in log if (text := notice(line)) and "LOST" in text and "traces" in text
    ]
    assert said.startswith(
        "otlp_http/primary LOST 5 traces: refused for good (HTTP Status Code 400"
    )


def test_another_destination_does_not_get_what_waits_for_the_first(
    collect: Any, open_backend: Any
) -> None:
    """Spans that wait for one destination are not sent to the next, and wait for their own."""
    port = free_port()
    first = collect(f"http://127.0.0.1:{port}")
    sender = Sender()
    assert sender.send(first.http_url, sender.batch(20))
    first.stop()
    other = open_backend()
    second = collect(other.url)
    later = Sender()
    assert later.send(second.http_url, later.batch(1))
    wait_until(lambda: other.spans, "delivery of the later span")
    second.stop()
    assert names(other) == later.taken
    own = open_backend(port=port)
    third = collect(own.url)
    wait_until(lambda: len(names(own)) == 20, "delivery to the own destination")
    assert names(own) == sender.taken
    assert third.stats().signals["traces"].accepted == 0
