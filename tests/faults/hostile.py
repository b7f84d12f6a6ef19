"""A collector that misbehaves on demand, on sockets of its own, and remembers what it took."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable

#: A partial success that rejects one span, and says why.
PARTIAL = b"\x0a\x0a\x08\x01\x12\x06no way"


class Taken(NamedTuple):
    """A request as it arrived: when (monotonic), its batch id, the names of its spans."""

    at_s: float
    batch_id: str
    names: tuple[str, ...]
    accepted: bool
    headers: dict[str, str]
    size_bytes: int


class Collector:
    """Listens on a free port of 127.0.0.1 until closed.

    ``mode`` decides what happens to a request and may be changed at any time; ``script`` holds
    modes for the next requests, before ``mode`` applies again.
    """

    def __init__(self, mode: str = "ok", port: int = 0) -> None:
        self.mode = mode
        self.script: list[str] = []
        self.taken: list[Taken] = []
        self.retry_after = "1"
        self.max_bytes = 4000
        self.connections = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self) -> str:
        """The URL for traces."""
        return f"http://127.0.0.1:{self.port}/v1/traces"

    @property
    def names(self) -> Counter[str]:
        """How often each span was accepted."""
        with self._lock:
            return Counter(name for one in self.taken if one.accepted for name in one.names)

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Poll until the condition holds; False where it never did."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self._closed = True
        self._socket.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(one)
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        buffered = one.makefile("rb")
        try:
            while not self._closed and self._request(one, buffered):
                pass
        except OSError:
            pass
        finally:
            self._open.discard(one)
            with contextlib.suppress(OSError):
                buffered.close()
            one.close()

    def _request(self, one: socket.socket, buffered: object) -> bool:
        read = buffered  # a BufferedReader
        line = read.readline()  # type: ignore[attr-defined]
        if not line:
            return False
        headers: dict[str, str] = {}
        while (header := read.readline()) not in (b"\r\n", b""):  # type: ignore[attr-defined]
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body: bytes = read.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]
        with self._lock:
            mode = self.script.pop(0) if self.script else self.mode
        if mode == "413":
            mode = "too_large" if len(body) > self.max_bytes else "ok"
        accepted = mode in ("ok", "slow", "lost_ack", "partial", "huge", "no_length")
        self._note(headers, body, accepted)
        return self._answer(one, mode)

    def _note(self, headers: dict[str, str], body: bytes, accepted: bool) -> None:
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        message = ExportTraceServiceRequest.FromString(body)
        names = tuple(
            span.name
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )
        batch_id = headers.get("x-vaquero-batch-id", "")
        with self._lock:
            self.taken.append(
                Taken(time.monotonic(), batch_id, names, accepted, headers, len(body))
            )

    def _answer(self, one: socket.socket, mode: str) -> bool:
        """Answer by mode; whether the connection may be used again."""
        if mode in ("ok", "slow"):
            if mode == "slow":
                time.sleep(0.5)
            return _send(one, "200 OK")
        if mode == "partial":
            return _send(one, "200 OK", PARTIAL)
        if mode in ("429", "503_after"):
            code = "429 Too Many Requests" if mode == "429" else "503 Service Unavailable"
            return _send(one, code, extra=f"Retry-After: {self.retry_after}\r\n")
        if mode == "redirect":
            return _send(one, "302 Found", extra="Location: http://127.0.0.1:1/\r\n")
        if mode == "too_large":
            return _send(one, "413 Content Too Large")
        if mode.isdigit():
            return _send(one, f"{mode} Because")
        if mode == "web_page":
            return _send(one, "200 OK", b"<html>hello</html>", kind="text/html; charset=utf-8")
        if mode == "hung":
            while not self._closed:
                time.sleep(0.05)
            return False
        if mode in ("reset", "lost_ack"):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if mode == "garbage":
            one.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            return False
        if mode == "huge":
            return self._flood(one)
        raise AssertionError(f"no such mode: {mode}")

    def _flood(self, one: socket.socket) -> bool:
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n")
        piece = b"x" * 65536
        with contextlib.suppress(OSError):
            for _ in range(4600):
                one.sendall(piece)
        return False


def _send(
    one: socket.socket,
    status: str,
    body: bytes = b"",
    extra: str = "",
    kind: str = "application/x-protobuf",
) -> bool:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    )
    one.sendall(head.encode() + body)
    return True


class BlackHole:
    """A port whose connection attempts are never answered: its backlog is full."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(0)
        self.port: int = self._socket.getsockname()[1]
        self._fill: list[socket.socket] = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(("127.0.0.1", self.port))
            self._fill.append(one)

    def __enter__(self) -> BlackHole:
        return self

    def __exit__(self, *_: object) -> None:
        for one in [*self._fill, self._socket]:
            one.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
