"""A receiver of OTLP, a program in one function, and plug-ins of others that exist for a test."""

from __future__ import annotations

import gzip
import importlib
import logging
import os
import ssl
import subprocess
import sys
import threading
import zlib
from concurrent import futures
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from vaquero import _log, _runtime
from vaquero.sdk.build import assemble
from vaquero.sdk.handle import VaqueroSDK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
_SERVICES = {"TraceService": "traces", "MetricsService": "metrics", "LogsService": "logs"}


@dataclass
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    message: Any
    signal: str


@dataclass
class Receiver:
    """What arrived, and where to send to."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def of(self, signal: str) -> list[Request]:
        return [request for request in self.requests if request.signal == signal]

    @property
    def resource(self) -> dict[str, Any]:
        (first, *_) = self.of("traces")
        return attributes(first.message.resource_spans[0].resource)

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for request in self.of("traces")
            for whole in request.message.resource_spans
            for part in whole.scope_spans
            for span in part.spans
        ]

    @property
    def logs(self) -> list[Any]:
        return [
            record
            for request in self.of("logs")
            for whole in request.message.resource_logs
            for part in whole.scope_logs
            for record in part.log_records
        ]

    def metric(self, name: str) -> Any:
        """The newest state of a metric; None where it did not come."""
        found = [
            metric
            for request in self.of("metrics")
            for whole in request.message.resource_metrics
            for part in whole.scope_metrics
            for metric in part.metrics
            if metric.name == name
        ]
        return found[-1] if found else None


def attributes(holder: Any) -> dict[str, Any]:
    """Attributes of a message as a dictionary."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in holder.attributes
    }


def _serve(receiver: Receiver, tls: ssl.SSLContext | None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            coding = self.headers.get("Content-Encoding")
            if coding == "gzip":
                body = gzip.decompress(body)
            elif coding == "deflate":
                body = zlib.decompress(body)
            signal = next((name for name in REQUESTS if name in self.path), "other")
            message = REQUESTS[signal].FromString(body) if signal in REQUESTS else body
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Request(self.path, headers, message, signal))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client without the right certificate is refused; that is no error of the test."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Over plain HTTP."""
    found = Receiver("")
    server = _serve(found, None)
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def grpc_receiver() -> Iterator[Receiver]:
    """Over gRPC without TLS; its URL has no scheme."""
    found = Receiver("")

    class Any_(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            service = details.method.split("/")[1].rpartition(".")[2]
            signal = _SERVICES[service]

            def take(message: Any, context: Any) -> bytes:
                headers = {key: str(value) for key, value in context.invocation_metadata()}
                found.requests.append(Request(details.method, headers, message, signal))
                return b""

            return grpc.unary_unary_rpc_method_handler(
                take, request_deserializer=REQUESTS[signal].FromString
            )

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(Any_(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    found.url = f"127.0.0.1:{port}"
    yield found
    server.stop(None).wait(5)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ca.pem``, and ``server`` and ``client`` with their keys."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca",
            "-addext", "keyUsage=keyCertSign,cRLSign")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        by_ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", *by_ca, "-days", "2", "-out", f"{name}.pem")
    return folder


@pytest.fixture
def tls_receiver(certificates: Path) -> Iterator[Receiver]:
    """Over HTTPS, for clients with a certificate only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    found = Receiver("")
    server = _serve(found, context)
    found.url = f"https://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes an installed distribution ``acme`` with these entry points and this code."""

    def install(points: Mapping[str, Mapping[str, str]], code: str) -> None:
        folder = tmp_path / "site"
        info = folder / "acme-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / "acme_plugin.py").write_text(code)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        text = "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in found.items())
            for group, found in points.items()
        )
        (info / "entry_points.txt").write_text(text)
        monkeypatch.syspath_prepend(str(folder))

    yield install
    sys.modules.pop("acme_plugin", None)
    importlib.invalidate_caches()


@dataclass
class Program:
    """A program that makes a span, a log record and a measurement, with vaquero assembled.

    Attributes:
        receiver: Where it sends.
        sdk: The SDK while it runs.
    """

    receiver: Receiver
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    sdk: Any = None

    def run(
        self,
        environ: Mapping[str, str] | None = None,
        body: Callable[[Program], None] | None = None,
        *,
        endpoint: bool = True,
        timeout_s: float = 10.0,
    ) -> bool:
        """Run it; whether all was acknowledged."""
        own = {
            "OTEL_SERVICE_NAME": "shop",
            "VAQUERO_SPOOL": "false",
            "VAQUERO_GAUGES": "false",
            "VAQUERO_CONTEXT": "false",
        }
        if endpoint:
            own["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.receiver.url
        self.receiver.requests.clear()
        before = dict(os.environ)
        try:
            with self.monkeypatch.context() as patch:
                patch.chdir(self.folder)
                for name, value in {**own, **(environ or {})}.items():
                    patch.setenv(name, value)
                _log.reset()
                settings, parts = assemble({}, replaceable=True)
                self.sdk = VaqueroSDK(settings=settings, parts=parts)
                try:
                    (body or everything)(self)
                    return self.sdk.flush(timeout_s)
                finally:
                    arrived = list(self.receiver.requests)
                    self.sdk.shutdown(0.2)
                    # The last collection of metrics tells nothing new.
                    self.receiver.requests = arrived
                    _runtime.reopen()
        finally:
            os.environ.clear()
            os.environ.update(before)

    @property
    def tracer(self) -> Any:
        return self.sdk.tracer_provider.get_tracer("test")

    @property
    def meter(self) -> Any:
        return self.sdk.meter_provider.get_meter("test")


def everything(program: Program) -> None:
    """One of each signal, where it has a provider."""
    sdk = program.sdk
    if sdk.tracer_provider is not None:
        with program.tracer.start_as_current_span("work", attributes={"a": "text" * 8}):
            _log_and_measure(program)
    else:
        _log_and_measure(program)


def _log_and_measure(program: Program) -> None:
    logging.getLogger("shop").warning("hello", extra={"b": "text" * 8, "c": 1})
    if program.sdk.meter_provider is not None:
        program.meter.create_counter("count").add(3)
        program.meter.create_histogram("size").record(5.0)


@pytest.fixture
def program(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Program]:
    """A program in a process that has said and started nothing."""
    for name in list(os.environ):
        if name.startswith(("OTEL_", "VAQUERO_")):
            monkeypatch.delenv(name)
    _log.reset()
    _runtime.reopen()
    levels = {name: logging.getLogger(name).level for name in ("vaquero", "opentelemetry", None)}
    from opentelemetry import propagate

    textmap = propagate.get_global_textmap()
    folder = tmp_path / "work"
    folder.mkdir()
    yield Program(receiver, monkeypatch, folder)
    propagate.set_global_textmap(textmap)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    _runtime.reopen()


@dataclass
class World:
    """What a check of one row may use; what it does not ask for is not made."""

    request: pytest.FixtureRequest

    def __getattr__(self, name: str) -> Any:
        return self.request.getfixturevalue(name)

    @staticmethod
    def attributes(holder: Any) -> dict[str, Any]:
        return attributes(holder)

    def unchanged(self, name: str, *values: str) -> None:
        """Nothing changes, whatever the variable says."""
        outcomes = []
        for environ in ({}, *({name: value} for value in values)):
            assert self.program.run(environ)
            outcomes.append((self._seen(), dict(self.program.sdk.settings)))
        for outcome in outcomes[1:]:
            assert outcome == outcomes[0]

    def _seen(self) -> Any:
        receiver = self.receiver
        resource = {
            key: value for key, value in receiver.resource.items() if key != "service.instance.id"
        }
        spans = [(span.name, attributes(span)) for span in receiver.spans]
        logs = [attributes(found) for found in receiver.logs if found.body.string_value == "hello"]
        return resource, spans, logs, receiver.metric("count").sum.data_points[0].as_int

    def python(self, code: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run code in a process of its own, under a launcher where words are given."""
        script = self.tmp_path / "program.py"
        script.write_text(code)
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "VAQUERO_"))
        }
        quiet = {"VAQUERO_SPOOL": "false", "VAQUERO_GAUGES": "false"}
        return subprocess.run(
            [*words, sys.executable, str(script)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.tmp_path,
            env={**own, **quiet, **environ},
            check=False,
        )


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """Everything, made when it is asked for."""
    return World(request)
