"""A well-behaved OTLP/HTTP server for unit tests, with answers to order."""

from __future__ import annotations

import http.server
import threading
from typing import NamedTuple


class Request(NamedTuple):
    """A request as it arrived, before decompression."""

    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What the next requests are answered with."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/x-protobuf"),)
    body: bytes = b""


class Backend:
    """Listens on a free port until closed; ``answer`` may be changed at any time."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer = Answer()
        self.connections = 0
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                backend.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                backend.requests.append(Request(self.path, headers, body))
                answer = backend.answer
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def bodies(self, path: str) -> list[bytes]:
        """Bodies of the requests to a path."""
        return [request.body for request in self.requests if request.path == path]

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
