"""A backend that the tests can look into, and Collectors that send to it."""

from __future__ import annotations

import gzip
import logging
import os
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


class Backend:
    """Takes OTLP over HTTP and keeps every request; answers with `status`."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: list[dict[str, str]] = []
        self.received: list[tuple[str, bytes]] = []
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                backend.headers.append(dict(self.headers.items()))
                status = backend.status
                if status == 200:
                    backend.received.append((self.path, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def requests(self, path: str) -> list[Any]:
        """Return the decoded requests for a path."""
        return [REQUESTS[path].FromString(body) for at, body in list(self.received) if at == path]

    def spans(self) -> list[Any]:
        """Return every span, in the order of arrival."""
        return [
            span
            for request in self.requests("/v1/traces")
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self, name: str) -> list[Any]:
        """Return every metric of a name, in the order of arrival."""
        return [
            metric
            for request in self.requests("/v1/metrics")
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]

    def logs(self) -> list[Any]:
        """Return every log record, in the order of arrival."""
        return [
            record
            for request in self.requests("/v1/logs")
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def until(condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.02)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., None]:
    """Wait until a condition holds."""
    return until


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the records of a test apart from those of the user and of other tests."""
    keep = ("VAQUERO_OTELCOL", "VAQUERO_CACHE_DIR", "VAQUERO_GO")
    for name in list(os.environ):
        if name.startswith(("VAQUERO_", "OTEL_")) and name not in keep:
            monkeypatch.delenv(name)
    monkeypatch.setenv("VAQUERO_COLLECTOR_DIR", str(tmp_path / "state"))
    # The HTTP client of the SDK's exporters lets these win over the CA that it is given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def open_backend() -> Iterator[Callable[..., Backend]]:
    """Open backends; each is closed with the test."""
    opened: list[Backend] = []

    def new(**options: Any) -> Backend:
        opened.append(Backend(**options))
        return opened[-1]

    yield new
    for backend in opened:
        backend.close()


@pytest.fixture
def backend(open_backend: Callable[..., Backend]) -> Backend:
    """A backend that takes everything."""
    return open_backend()


@pytest.fixture
def collect(binary: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start Collectors on free ports; each is ended with the test."""
    from vaquero_collector import Collector

    children: list[Collector] = []

    def start(forward_to: str, name: str = "one", **options: Any) -> Collector:
        options = {"http_port": 0, "grpc_port": 0, "folder": tmp_path / name, **options}
        env = {"VAQUERO_COLLECTOR_RED_INTERVAL": "1s"}
        env |= {"VAQUERO_COLLECTOR_RETRY_MAX_INTERVAL": "1s", **options.pop("env", {})}
        child = Collector(forward_to=forward_to, binary=binary, env=env, **options)
        children.append(child)
        child.start(30.0)
        return child

    yield start
    for child in children:
        child.stop(5.0)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and certificate and key of a server and of a client."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "names",
        )  # fmt: skip
    return folder


@pytest.fixture
def telemetry() -> tuple[Any, Any, Any]:
    """Spans, metrics and logs as the SDK makes them, with every kind of value."""
    resource = Resource({"service.name": "shop", "deployment.environment.name": "test"})
    spans = InMemorySpanExporter()
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    tracer = tracers.get_tracer("roads", "1.2", attributes={"scope.key": "value"})
    with tracer.start_as_current_span("first", kind=SpanKind.SERVER) as first:
        first.set_attributes(
            {"text": "ü €", "int": 2**62, "float": 0.1, "bool": True, "list": [1, 2], "empty": ""}
        )
        link = Link(first.get_span_context(), {"link.key": 1})
        with tracer.start_as_current_span("second", kind=SpanKind.CLIENT, links=[link]) as second:
            second.add_event("happened", {"n": 1.5})
            second.record_exception(ValueError("boom"))
            second.set_status(Status(StatusCode.ERROR, "it failed"))
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], resource=resource).get_meter("roads", "1.2")
    meter.create_counter("made", "1", "Things made").add(3, {"kind": "a"})
    meter.create_up_down_counter("open").add(-2)
    meter.create_gauge("level", "By").set(1.5, {"where": "tank"})
    histogram = meter.create_histogram("took", "s")
    for value in (0.001, 0.2, 7.0):
        histogram.record(value, {"route": "/x"})
    metrics = reader.get_metrics_data()
    logs = InMemoryLogRecordExporter()
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    logger = logging.Logger("roads")
    logger.addHandler(_handler(loggers))
    with tracer.start_as_current_span("logging"):
        logger.warning("disk at %d %%", 91, extra={"disk.name": "sda"})
    for provider in (tracers, loggers):
        provider.shutdown()
    return spans.get_finished_spans(), metrics, logs.get_finished_logs()


def _handler(loggers: LoggerProvider) -> logging.Handler:
    with warnings.catch_warnings():
        # The SDK has given its handler up for one of another distribution; both encode the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        return LoggingHandler(logger_provider=loggers)
