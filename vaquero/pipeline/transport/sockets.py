"""Sockets of our own: connected in bounded time, read to a deadline, broken from another thread."""

from __future__ import annotations

import codecs
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from vaquero.pipeline.settings import Destination

#: Headers and framing of an answer, on top of the body that we cap ourselves.
MAX_READ_BYTES = 192 * 1024


def preload() -> None:
    """Load what a first connection would import: a module lock held at fork stays held for good."""
    codecs.lookup("idna")


def tls_context(destination: Destination) -> ssl.SSLContext:
    """The TLS context of a destination: its CA or the system's, its client certificate.

    Raises:
        OSError: A file cannot be read.
        ssl.SSLError: A file is no usable certificate or key.
    """
    import ssl  # Large, and most endpoints are a Collector next door without TLS.

    context = ssl.create_default_context(cafile=destination.certificate or None)
    if destination.client_certificate:
        context.load_cert_chain(destination.client_certificate, destination.client_key or None)
    return context


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its spelling (no name is looked up)."""
    bare = host.strip("[]").lower().rstrip(".")
    return bare in ("localhost", "::1") or bare.endswith(".localhost") or bare.startswith("127.")


class DeadlineSocket:
    """A connected socket whose every operation ends at one deadline.

    A server that trickles bytes cannot hold a request longer than the deadline, and one that
    floods is cut off.

    Args:
        sock: The connected socket, TLS or not.
        clock: Monotonic seconds.
    """

    def __init__(
        self, sock: socket.socket | ssl.SSLSocket, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.sock = sock
        self.bytes_read = 0
        self._clock = clock
        self._deadline = 0.0

    def start(self, timeout_s: float) -> None:
        """A new request: ``timeout_s`` from now everything on this socket times out."""
        self._deadline = self._clock() + timeout_s
        self.bytes_read = 0

    def _left_s(self) -> float:
        left = self._deadline - self._clock()
        if left <= 0:
            raise TimeoutError("no complete answer in time")
        return left

    def sendall(self, data: Any) -> None:
        """Send everything or raise at the deadline."""
        # Pieces, because TLS applies the timeout to each write and not to the whole.
        view = memoryview(data)
        for at in range(0, len(view), 262144):
            self.sock.settimeout(self._left_s())
            self.sock.sendall(view[at : at + 262144])

    def recv_into(self, buffer: Any) -> int:
        """Read what is there; 0 at the end of the stream."""
        self.sock.settimeout(self._left_s())
        count = self.sock.recv_into(buffer)
        self.bytes_read += count
        if self.bytes_read > MAX_READ_BYTES:
            raise OSError("the answer is too long")
        return count

    def receive(self) -> bytes:
        """What is there, at most 16 KiB; empty at the end of the stream."""
        self.sock.settimeout(self._left_s())
        data = self.sock.recv(16384)
        self.bytes_read += len(data)
        if self.bytes_read > MAX_READ_BYTES:
            raise OSError("the answer is too long")
        return data

    def is_stale(self) -> bool:
        """Whether the idle connection has something to read: the server closed it."""
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)  # an idle HTTP connection has nothing to say but its end
            return True
        except OSError as error:
            return not _is_empty(error)

    def pending(self) -> Iterator[bytes]:
        """What has arrived while nobody read, without waiting; b"" says that the peer is gone."""
        while True:
            try:
                self.sock.settimeout(0)
                data = self.sock.recv(65536)
            except OSError as error:
                if _is_empty(error):
                    return
                data = b""
            yield data
            if not data:
                return

    def abort(self) -> None:
        """Break a read or write in another thread."""
        try:
            # On TLS this is the socket's own shutdown, not a polite end of the session.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        """Close this process's descriptor; the session of a parent process stays untouched."""
        try:
            self.sock.close()
        except OSError:
            pass


def _is_empty(error: OSError) -> bool:
    """Whether a read without waiting found nothing; TLS says so by an error of its own."""
    return isinstance(error, BlockingIOError) or type(error).__name__ == "SSLWantReadError"
