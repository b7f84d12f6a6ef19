"""A collector that misbehaves on demand: the receiver of all tests, with its sins by name."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.support.otlp_receiver import PROTOBUF, Answer, OtlpReceiver

#: How long an exit may take in seconds, whatever a collector does: two, and what a machine under
#: load adds. Without the bound it would be the ten of a request's timeout.
EXIT_S = 3.0

#: A partial success that rejects one span, and says why.
PARTIAL = b"\x0a\x0a\x08\x01\x12\x06no way"

_ANSWERS = {
    "ok": Answer(),
    "slow": Answer(delay_s=0.5),
    "partial": Answer(body=PARTIAL),
    "redirect": Answer(302, (*PROTOBUF, ("Location", "http://127.0.0.1:1/"))),
    "web_page": Answer(
        headers=(("Content-Type", "text/html; charset=utf-8"),),
        body=b"<html>hello</html>",
        accepted=False,
    ),
    "hung": Answer(hang=True),
    "reset": Answer(cut=True),
    "lost_ack": Answer(cut=True, accepted=True),
    "garbage": Answer(raw=(b"\x16\x03\x01 this is no HTTP\r\n\r\n",)),
}


class _Flood:
    """An answer of three hundred megabytes."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n"
        piece = b"x" * 65536
        for _ in range(4600):
            yield piece


class Collector(OtlpReceiver):
    """Listens on a free port of 127.0.0.1 until closed.

    ``mode`` decides what happens to a request and may be changed at any time; ``modes`` holds
    modes for the next requests, before ``mode`` applies again.
    """

    def __init__(self, mode: str = "ok", port: int = 0) -> None:
        self.mode = mode
        self.modes: list[str] = []
        self.retry_after = "1"
        self.max_bytes = 4000
        super().__init__(port)

    @property
    def endpoint(self) -> str:
        """The URL for traces."""
        return f"{self.url}/v1/traces"

    def next_answer(self, body: bytes) -> Answer:
        """What the mode says."""
        with self._lock:
            mode = self.modes.pop(0) if self.modes else self.mode
        if mode == "413":
            return Answer(413) if len(body) > self.max_bytes else Answer()
        if mode in ("429", "503_after"):
            return Answer.retry_after(self.retry_after, int(mode[:3]))
        if mode == "huge":
            return Answer(raw=_Flood(), accepted=True)
        return Answer(int(mode)) if mode.isdigit() else _ANSWERS[mode]


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
