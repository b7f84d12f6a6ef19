"""A loopback receiver in a process of its own: takes OTLP over HTTP and counts spans.

It parses after it has answered and only when asked, so that it takes as little of the machine as
can be while a measurement runs; and it answers protocols of other products too. That is why it is
not the receiver of the tests.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[bytes] = []  # noqa: RUF012

    def do_POST(self) -> None:
        """Take one request of any signal."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/v1/traces"):
            self.bodies.append(body)
        otlp = self.path.startswith("/v1/")
        self._answer(b"" if otlp else b"{}", "application/x-protobuf" if otlp else "text/json")

    do_PUT = do_POST

    def do_GET(self) -> None:
        """Say how many spans have come since the last question, and how many bytes they were."""
        taken = [self.bodies.pop(0) for _ in range(len(self.bodies))]
        said = f"{sum(map(_spans_in, taken))} {sum(map(len, taken))}"
        self._answer(said.encode(), "text/plain")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


def _spans_in(body: bytes) -> int:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest.FromString(body)
    return sum(len(part.spans) for whole in request.resource_spans for part in whole.scope_spans)


class Sink:
    """The receiver, seen from the process that measures.

    Attributes:
        endpoint: Base URL for exporters.
    """

    def __enter__(self) -> Sink:
        command = [sys.executable, "-m", "benchmarks.sink"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def taken(self) -> tuple[int, int]:
        """Spans and bytes that have come since the last call."""
        with urllib.request.urlopen(self.endpoint + "/taken", timeout=60) as answer:
            spans, size = answer.read().split()
        return int(spans), int(size)


def main() -> None:
    """Serve until terminated; the first line on stdout is the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
