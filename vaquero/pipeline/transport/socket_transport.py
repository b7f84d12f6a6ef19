"""What both protocols share: one connection that another thread may break, and how it fails."""

from __future__ import annotations

import socket
import sys
import zlib
from typing import TYPE_CHECKING

from vaquero.pipeline.otlp import responses
from vaquero.pipeline.transport.retry import SendResult, Verdict

if TYPE_CHECKING:
    from vaquero.pipeline.settings import Compression
    from vaquero.pipeline.transport.sockets import DeadlineSocket


class SocketTransport:
    """A transport over one socket of our own, opened by whoever inherits."""

    def __init__(self) -> None:
        self._wire: DeadlineSocket | None = None
        self._aborted = False

    def abort(self) -> None:
        """See :class:`vaquero.pipeline.transport.choice.Transport`."""
        self._aborted = True
        wire = self._wire
        if wire is not None:
            wire.abort()

    def close(self) -> None:
        """See :class:`vaquero.pipeline.transport.choice.Transport`."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()


def connection_failed(error: OSError | ValueError) -> SendResult:
    """The outcome of a request that got no answer."""
    if not isinstance(error, OSError):
        # Its text may quote a header, and so a credential.
        return SendResult(Verdict.RETRY, "connection", "the address or a header cannot be used")
    text = responses.printable(str(error).encode("utf-8", "replace"), 160)
    return SendResult(Verdict.RETRY, _reason(error), f"{type(error).__name__}: {text}")


def _reason(error: OSError) -> str:
    """One low-cardinality word for a failed connection."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    # Who has met such an error has loaded the module; nobody else needs it.
    tls = sys.modules.get("ssl")
    if tls is not None and isinstance(error, tls.SSLError):
        return "tls"
    if isinstance(error, socket.gaierror):
        return "dns"
    return "connection"


def compress(body: bytes, how: Compression) -> bytes:
    """The body as it travels. gzip at level 1: level 9 costs ten times as much for 4 % less."""
    if how == "none":
        return body
    window = 31 if how == "gzip" else 15
    packer = zlib.compressobj(1, zlib.DEFLATED, window)
    return packer.compress(body) + packer.flush()
