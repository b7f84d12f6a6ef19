"""A receiver that keeps everything it is sent, repeated spans too (a store would hide them)."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@dataclass(frozen=True)
class Seen:
    """One span as it arrived."""

    name: str
    span_id: bytes
    attributes: dict[str, Any]
    resource: dict[str, Any]


class Receiver:
    """OTLP/HTTP on loopback, on a free port unless one is given; a context manager."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Seen] = []
        self.metrics: set[str] = set()
        self.log_bodies: list[str] = []
        self.requests: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.requests.append({name.lower(): value for name, value in self.headers.items()})
                outer._take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def named(self, name: str) -> list[Seen]:
        """Spans of this name, in the order of their arrival."""
        return [span for span in list(self.spans) if span.name == name]

    def wait(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Wait until something holds; whether it did."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.02)
        return condition()

    def _take(self, path: str, body: bytes) -> None:
        request = _REQUESTS[path]()
        request.ParseFromString(body)
        if path == "/v1/traces":
            for part in request.resource_spans:
                resource = _plain(part.resource.attributes)
                for scope in part.scope_spans:
                    self.spans.extend(
                        Seen(span.name, span.span_id, _plain(span.attributes), resource)
                        for span in scope.spans
                    )
        elif path == "/v1/metrics":
            for part in request.resource_metrics:
                for scope in part.scope_metrics:
                    self.metrics.update(metric.name for metric in scope.metrics)
        else:
            for part in request.resource_logs:
                for scope in part.scope_logs:
                    self.log_bodies.extend(record.body.string_value for record in scope.log_records)


def _plain(pairs: Any) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in pairs
    }
