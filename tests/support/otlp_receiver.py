"""One OTLP/HTTP receiver for all tests: it keeps every request and answers as it is told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.received import Received, Request, signal_of

PROTOBUF = (("Content-Type", "application/x-protobuf"),)


@dataclass(frozen=True)
class Answer:
    """What happens to a request.

    Attributes:
        status: The status of the answer.
        headers: Its headers; the length is added.
        body: Its body.
        delay_s: How long it takes to come.
        hang: It never comes: the connection stays open until the receiver is closed.
        cut: It never comes: the connection is reset at once.
        raw: What is sent in its place, byte for byte; then the connection is closed.
        accepted: Whether the request counts as taken; None means: with a status of 200 to 299 that
            is really sent.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = PROTOBUF
    body: bytes = b""
    delay_s: float = 0.0
    hang: bool = False
    cut: bool = False
    raw: Iterable[bytes] | None = None
    accepted: bool | None = None

    @property
    def takes(self) -> bool:
        """Whether a request that is answered so has been taken."""
        if self.accepted is not None:
            return self.accepted
        return 200 <= self.status < 300 and not (self.hang or self.cut or self.raw is not None)

    @classmethod
    def retry_after(cls, seconds: float | str, status: int = 503) -> Answer:
        """Not now, but in so many seconds."""
        return cls(status, (*PROTOBUF, ("Retry-After", str(seconds))))


class OtlpReceiver(Received):
    """Listens on a free port of 127.0.0.1, or on one that is given, until it is closed.

    ``answer`` holds for each request and may be changed at any time; ``script`` holds answers for
    the next requests, which go first. A request is in ``requests`` before it is answered.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.answer = Answer()
        self.script: list[Answer] = []
        self.connections = 0
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def __enter__(self) -> OtlpReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and cut every connection; may be called twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def next_answer(self, body: bytes) -> Answer:
        """What the request with this body is answered with."""
        with self._lock:
            return self.script.pop(0) if self.script else self.answer

    def _opened(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self._open.add(connection)

    def _ended(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: More processes than five may connect at the same moment.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or is refused for its certificate, is no error of the test."""


def _handler(receiver: OtlpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            receiver._opened(self.connection)

        def finish(self) -> None:
            receiver._ended(self.connection)
            with contextlib.suppress(OSError):
                super().finish()

        def do_POST(self) -> None:
            """Keep the request and do what the answer says."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.next_answer(body)
            signal = signal_of(self.path)
            receiver.requests.append(Request(self.path, signal, headers, body, answer.takes))
            if answer.delay_s:
                receiver._closed.wait(answer.delay_s)
            if answer.hang:
                receiver._closed.wait()
            if answer.hang or answer.cut or answer.raw is not None:
                self.close_connection = True
                self._instead(answer)
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def _instead(self, answer: Answer) -> None:
            if answer.cut:
                # Lingering for no time makes the close a reset.
                no_time = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_time)
            for piece in answer.raw or ():
                self.wfile.write(piece)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    return Handler
