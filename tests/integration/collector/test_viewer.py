"""Application -> Collector -> viewer: exactly once as stored, whatever happens to the Collector."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vaquero_viewer
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.collector
SPANS = 50_000
BATCH = 500


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Any]:
    """A viewer on free ports."""
    found = vaquero_viewer.Viewer(tmp_path / "store.duckdb", otlp_port=0, web_port=0)
    found.start()
    yield found
    found.stop()


def request(first: int) -> bytes:
    """Return an encoded request with one batch of spans, numbered by their identifiers."""
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "crowd"
    spans = resource.scope_spans.add().spans
    now = time.time_ns()
    for number in range(first, first + BATCH):
        span = spans.add(name=f"work {number % 7}", kind=2)
        span.trace_id = (number + 1).to_bytes(16, "big")
        span.span_id = (number + 1).to_bytes(8, "big")
        span.start_time_unix_nano, span.end_time_unix_nano = now, now + 1_000_000
        span.attributes.add(key="number").value.int_value = number
    return message.SerializeToString()


def test_the_viewer_shows_what_the_application_made(
    viewer: Any, collect: Any, telemetry: Any
) -> None:
    """Spans, metrics and logs are read back from the viewer with every field they had."""
    child = collect(viewer.otlp_url)
    spans, metrics, logs = telemetry
    assert OTLPSpanExporter(f"{child.http_url}/v1/traces").export(spans).name == "SUCCESS"
    assert OTLPMetricExporter(f"{child.http_url}/v1/metrics").export(metrics).name == "SUCCESS"
    assert OTLPLogExporter(f"{child.http_url}/v1/logs").export(logs).name == "SUCCESS"

    def arrived() -> bool:
        counts = viewer.store.counts()
        return counts.spans == 3 and counts.logs == 1 and bool(viewer.store.series(name="took"))

    wait_until(arrived, "storage")
    for sent in spans:
        trace = viewer.store.trace(f"{sent.context.trace_id:032x}")
        (found,) = (row for row in trace.spans if row.span_id == f"{sent.context.span_id:016x}")
        parent = f"{sent.parent.span_id:016x}" if sent.parent else None
        assert (found.name, found.parent_span_id) == (sent.name, parent)
        assert found.kind.lower().endswith(sent.kind.name.lower())
        assert found.start_ns == sent.start_time
        assert math.isclose(found.duration_ms, (sent.end_time - sent.start_time) / 1e6)
        assert found.status_message == sent.status.description
        assert sent.status.status_code.name.lower() in found.status.lower()
        assert found.attributes == {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in sent.attributes.items()
        }
        assert [event["name"] for event in found.events] == [event.name for event in sent.events]
        assert len(found.links) == len(sent.links)
        resource = trace.resources[found.resource_id]
        assert resource["deployment.environment.name"] == "test"
    kinds = {row.name: (row.kind, row.unit) for row in viewer.store.series(service="shop")}
    for name, unit in (("made", "1"), ("open", ""), ("level", "By"), ("took", "s")):
        assert kinds[name][1] == unit
    ((series, points),) = viewer.store.points("took")
    assert series.attributes == {"route": "/x"}
    assert (points[-1].count, points[-1].min, points[-1].max) == (3, 0.001, 7.0)
    ((_series, points),) = viewer.store.points("made")
    assert points[-1].value == 3
    (record,) = viewer.store.logs()
    assert record.body == "disk at 91 %"
    assert record.attributes["disk.name"] == "sda"
    assert record.trace_id == f"{logs[0].log_record.trace_id:032x}"


class Application(threading.Thread):
    """Sends every batch until it is taken, as an SDK with a spool does."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = f"{url}/v1/traces"
        self.taken = 0
        self.failed_attempts = 0

    def run(self) -> None:
        for first in range(0, SPANS, BATCH):
            body = request(first)
            while not self._send(body):
                self.failed_attempts += 1
                time.sleep(0.02)
            self.taken += BATCH

    def _send(self, body: bytes) -> bool:
        posted = urllib.request.Request(
            self._url, data=body, headers={"Content-Type": "application/x-protobuf"}
        )
        try:
            with urllib.request.urlopen(posted, timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False


def test_each_span_is_stored_once_over_a_restart_and_a_kill(viewer: Any, collect: Any) -> None:
    """50 000 spans pass through a Collector that is restarted and killed, and are stored once."""
    from vaquero_collector.addresses import free_ports

    http_port, grpc_port = free_ports("127.0.0.1", 2)
    ports = {"http_port": http_port, "grpc_port": grpc_port}
    first = collect(viewer.otlp_url, **ports)
    application = Application(first.http_url)
    application.start()
    wait_until(lambda: application.taken >= SPANS // 4, "a quarter")
    first.stop()
    second = collect(viewer.otlp_url, **ports)
    wait_until(lambda: application.taken >= SPANS // 2, "a half")
    os.kill(second.pid, signal.SIGKILL)
    wait_until(lambda: not second.running, "the end of the killed Collector")
    third = collect(viewer.otlp_url, **ports)
    application.join(60)
    assert application.taken == SPANS
    wait_until(lambda: viewer.store.counts().spans >= SPANS, "storage", 60)
    wait_until(lambda: third.stats().waiting_bytes == 0, "an empty queue")
    counts = viewer.store.counts()
    assert counts.spans == SPANS
    assert counts.traces == SPANS
    assert counts.dropped_spans == 0
    for number in (0, SPANS // 2, SPANS - 1):
        (span,) = viewer.store.trace(f"{number + 1:032x}").spans
        assert span.name == f"work {number % 7}"
        assert span.attributes["number"] == number


def environment(url: str, folder: Path) -> dict[str, str]:
    """What points vaquero at a Collector, with a spool of its own."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "shop",
        "VAQUERO_SPOOL_DIR": str(folder / "spool"),
    }


def program(code: str, url: str, folder: Path) -> subprocess.Popen[str]:
    """Start a program that sends with vaquero to a Collector."""
    env = {**os.environ, **environment(url, folder)}
    command = [sys.executable, "-m", "vaquero.cli", "run", sys.executable, "-c", code]
    return subprocess.Popen(
        command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_an_application_with_vaquero_arrives_in_the_viewer(
    viewer: Any, collect: Any, tmp_path: Path
) -> None:
    """Spans, metrics and logs of a program that uses vaquero come through, with RED metrics."""
    child = collect(viewer.otlp_url)
    code = (
        "import logging, vaquero\n"
        "made = vaquero.counter('orders.made')\n"
        "for number in range(200):\n"
        "    with vaquero.span('order', number=number):\n"
        "        made.add(1)\n"
        "logging.getLogger('shop').warning('all done')\n"
        "assert vaquero.flush(20)\n"
    )
    with program(code, child.http_url, tmp_path) as running:
        _out, errors = running.communicate(timeout=100)
    assert running.returncode == 0, errors
    wait_until(lambda: viewer.store.counts().spans == 200, "spans")

    def names() -> set[str]:
        return {row.name for row in viewer.store.series()}

    wait_until(lambda: {"orders.made", "traces.span.metrics.calls"} <= names(), "metrics")
    assert child.stats().signals["traces"].accepted == 200


def test_an_application_with_vaquero_outlives_its_collector(
    viewer: Any, collect: Any, tmp_path: Path
) -> None:
    """50 000 spans of a program with vaquero are stored once, over a restart and a kill."""
    from vaquero_collector.addresses import free_ports

    http_port, grpc_port = free_ports("127.0.0.1", 2)
    ports = {"http_port": http_port, "grpc_port": grpc_port}
    child = collect(viewer.otlp_url, **ports)
    code = (
        "import time, vaquero\n"
        "for part in range(10):\n"
        "    for number in range(5000):\n"
        "        with vaquero.span('work', number=part * 5000 + number):\n"
        "            pass\n"
        "    print(part, flush=True)\n"
        "    time.sleep(0.1)\n"
        "print('flushed', vaquero.flush(60), flush=True)\n"
    )
    with program(code, child.http_url, tmp_path) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.strip() == "2":
                child.stop()
                child = collect(viewer.otlp_url, **ports)
            if line.strip() == "5":
                os.kill(child.pid, signal.SIGKILL)
                wait_until(lambda old=child: not old.running, "the end of the killed Collector")
            if line.strip() == "7":
                child = collect(viewer.otlp_url, **ports)
            if line.startswith("flushed"):
                break
        assert line.strip() == "flushed True"
        _out, errors = running.communicate(timeout=100)
        assert running.returncode == 0, errors
    # A program that ends while the Collector starts leaves the rest in its spool.
    drain = [sys.executable, "-m", "vaquero.cli", "spool", "drain"]
    environ = {**os.environ, **environment(child.http_url, tmp_path)}
    subprocess.run(drain, env=environ, check=True, capture_output=True, timeout=100)
    wait_until(lambda: viewer.store.counts().spans >= SPANS, "storage", 60)
    wait_until(lambda: child.stats().waiting_bytes == 0, "an empty queue")
    assert viewer.store.counts().spans == SPANS
