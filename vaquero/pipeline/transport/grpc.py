"""OTLP over gRPC, spoken by ``h2`` on a socket of our own.

``grpcio`` hangs now and then in forked children of busy processes, whatever is done about it; a
socket and a state machine do not. One unary call at a time is all that an exporter needs.
"""

from __future__ import annotations

import base64
import binascii
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

from vaquero.pipeline.otlp import responses
from vaquero.pipeline.transport.retry import MAX_WAIT_S, SendResult, Verdict, judge_status
from vaquero.pipeline.transport.socket_transport import (
    SocketTransport,
    compress,
    connection_failed,
)
from vaquero.pipeline.transport.sockets import DeadlineSocket, preload, tls_context

if TYPE_CHECKING:
    from vaquero.pipeline.settings import Destination, PipelineSettings, Signal

_PATHS: dict[str, str] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}

#: Names of the status codes, by number.
_CODES = (
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
)
#: OTLP/gRPC: worth a repeat. ``resource_exhausted`` only with a RetryInfo.
_RETRYABLE = frozenset(
    {"cancelled", "deadline_exceeded", "aborted", "out_of_range", "unavailable", "data_loss"}
)
#: Mended by a setting, so the data is kept for ``vaquero spool resend``.
_REFUSED = frozenset({"unauthenticated", "permission_denied", "unimplemented", "not_found"})


class _GrpcCall:
    """What came back on one stream."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.ended = False
        self.reset: int | None = None


class GrpcTransport(SocketTransport):
    """One HTTP/2 connection to one OTLP/gRPC endpoint.

    Args:
        signal: Decides the method that is called.
        destination: Where to and how.
        settings: Connect timeout and user agent. Proxies are not used for gRPC.

    Raises:
        ValueError: The endpoint is no address.
        OSError: A certificate file cannot be read.
    """

    def __init__(
        self, signal: Signal, destination: Destination, settings: PipelineSettings
    ) -> None:
        super().__init__()
        endpoint = destination.endpoint
        if "://" not in endpoint:
            endpoint = f"{'http' if destination.insecure else 'https'}://{endpoint}"
        url = urlsplit(endpoint)
        if url.scheme not in ("http", "https", "grpc", "grpcs") or not url.hostname:
            raise ValueError(f"{destination.address!r} is no host:port for gRPC")
        secure = url.scheme in ("https", "grpcs")
        self._host = url.hostname
        self._port = url.port or 4317
        self._tls = tls_context(destination) if secure else None
        if self._tls is not None:
            self._tls.set_alpn_protocols(["h2"])
        self._connect_timeout_s = settings.connect_timeout_s
        self._gzip = destination.compression == "gzip"
        self._headers = self._request_headers(signal, destination, settings, secure)
        self._h2: H2Connection | None = None
        preload()

    def _request_headers(
        self, signal: Signal, destination: Destination, settings: PipelineSettings, secure: bool
    ) -> list[tuple[str, str]]:
        name = f"[{self._host}]" if ":" in self._host else self._host
        headers = [
            (":method", "POST"),
            (":scheme", "https" if secure else "http"),
            (":path", _PATHS[signal]),
            (":authority", f"{name}:{self._port}"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", settings.user_agent),
        ]
        if self._gzip:
            headers.append(("grpc-encoding", "gzip"))
        own = {name for name, _ in headers}
        headers += [
            (name.lower(), value)
            for name, value in destination.headers
            if name.lower() not in own and not name.startswith(":")
        ]
        return headers

    def send(self, body: bytes, batch_id: str, timeout_s: float) -> SendResult:
        """See :class:`vaquero.pipeline.transport.choice.Transport`."""
        self._aborted = False
        try:
            return self._attempt(_message(body, gzip=self._gzip), batch_id, timeout_s)
        except H2Error as error:
            self.close()
            detail = f"{type(error).__name__}: the peer does not speak HTTP/2 as it should"
            return SendResult(Verdict.RETRY, "garbage", detail)
        except (OSError, ValueError) as error:
            self.close()
            return connection_failed(error)

    def _attempt(self, message: bytes, batch_id: str, timeout_s: float) -> SendResult:
        deadline = time.monotonic() + timeout_s
        wire, h2, reused = self._connected(timeout_s)
        wire.start(timeout_s)
        try:
            return self._call(wire, h2, message, batch_id, timeout_s)
        except (ConnectionError, H2Error):
            if not reused or wire.bytes_read or self._aborted:
                raise
            # The connection may have ended while it was idle; a fresh one has no excuse.
            self.close()
        left_s = max(0.01, deadline - time.monotonic())
        wire, h2, _ = self._connected(left_s)
        wire.start(left_s)
        return self._call(wire, h2, message, batch_id, left_s)

    def _call(
        self,
        wire: DeadlineSocket,
        h2: H2Connection,
        message: bytes,
        batch_id: str,
        timeout_s: float,
    ) -> SendResult:
        call = _GrpcCall()
        stream = h2.get_next_available_stream_id()
        extra = [
            ("x-vaquero-batch-id", batch_id),
            ("grpc-timeout", f"{max(1, int(timeout_s * 1000))}m"),
        ]
        h2.send_headers(stream, [*self._headers, *extra])
        self._send_body(wire, h2, stream, message, call)
        while not call.ended:
            self._receive(wire, h2, stream, call)
        result = self._judge(call)
        if call.reset is not None:
            self.close()
        return result

    def _send_body(
        self, wire: DeadlineSocket, h2: H2Connection, stream: int, message: bytes, call: _GrpcCall
    ) -> None:
        at = 0
        while at < len(message) and not call.ended:
            room = min(h2.local_flow_control_window(stream), h2.max_outbound_frame_size)
            if room <= 0:
                wire.sendall(h2.data_to_send())
                self._receive(wire, h2, stream, call)
                continue
            piece = message[at : at + room]
            at += len(piece)
            h2.send_data(stream, piece, end_stream=at >= len(message))
        wire.sendall(h2.data_to_send())

    def _receive(
        self, wire: DeadlineSocket, h2: H2Connection, stream: int, call: _GrpcCall
    ) -> None:
        buffer = bytearray(65536)
        count = wire.recv_into(buffer)
        if not count:
            raise ConnectionError("the backend closed the connection")
        events = h2.receive_data(bytes(buffer[:count]))
        terminated = False
        for event in events:
            if isinstance(event, ConnectionTerminated):
                terminated = True
            elif getattr(event, "stream_id", None) == stream:
                self._note(h2, event, stream, call)
        pending = h2.data_to_send()
        if pending:
            wire.sendall(pending)
        if terminated and not call.ended:
            raise ConnectionError("the backend ended the connection")

    def _note(self, h2: H2Connection, event: object, stream: int, call: _GrpcCall) -> None:
        if isinstance(event, (ResponseReceived, TrailersReceived)):
            pairs: Any = event.headers or ()
            for name, value in pairs:
                call.headers[_text(name)] = _text(value)
        elif isinstance(event, DataReceived):
            call.body += (event.data or b"")[: responses.MAX_REPLY_BYTES - len(call.body)]
            length = event.flow_controlled_length or 0
            if length:
                h2.acknowledge_received_data(length, stream)
        elif isinstance(event, StreamReset):
            call.reset = int(event.error_code or 0)
            call.ended = True
        elif isinstance(event, StreamEnded):
            call.ended = True

    def _judge(self, call: _GrpcCall) -> SendResult:
        http_status = call.headers.get(":status", "")
        code = call.headers.get("grpc-status")
        if code is None:
            if http_status.isdigit() and http_status != "200":
                return judge_status(int(http_status), f"HTTP {http_status}", None)
            if call.reset == ErrorCodes.NO_ERROR or call.reset is None:
                return SendResult(Verdict.RETRY, "garbage", "answered without a gRPC status")
            return SendResult(
                Verdict.RETRY, "reset", f"reset the stream (HTTP/2 error {call.reset})"
            )
        name = _CODES[int(code)] if code.isdigit() and int(code) < len(_CODES) else "unknown"
        if name == "ok":
            rejected, message = responses.partial_success(bytes(call.body[5:]))
            return SendResult(Verdict.OK, detail=message, rejected=rejected)
        return _judge_code(name, call)

    # -- connection ----------------------------------------------------------------------------

    def _connected(self, timeout_s: float) -> tuple[DeadlineSocket, H2Connection, bool]:
        if self._wire is not None and self._h2 is not None:
            if self._is_alive(self._wire, self._h2):
                return self._wire, self._h2, True
            self.close()
        sock = socket.create_connection(
            (self._host, self._port), min(self._connect_timeout_s, timeout_s)
        )
        wire = self._wire = DeadlineSocket(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            sock.settimeout(timeout_s)
            wire.sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        h2.initiate_connection()
        wire.start(timeout_s)
        wire.sendall(h2.data_to_send())
        self._h2 = h2
        return wire, h2, False

    def _is_alive(self, wire: DeadlineSocket, h2: H2Connection) -> bool:
        """Read what the peer sent while we were idle: pings, settings, or that it is gone."""
        for data in wire.pending():
            if not data:
                return False
            if any(isinstance(event, ConnectionTerminated) for event in h2.receive_data(data)):
                return False
        answers = h2.data_to_send()
        if answers:
            wire.start(1.0)
            wire.sendall(answers)
        return True

    def close(self) -> None:
        """See :class:`vaquero.pipeline.transport.choice.Transport`."""
        self._h2 = None
        super().close()


def _message(body: bytes, *, gzip: bool) -> bytes:
    """The body as a gRPC message: a flag, the length, the bytes."""
    if gzip:
        body = compress(body, "gzip")
    return bytes((1 if gzip else 0,)) + len(body).to_bytes(4, "big") + body


def _judge_code(name: str, call: _GrpcCall) -> SendResult:
    reason = f"grpc_{name}"
    message = responses.printable(unquote_to_bytes(call.headers.get("grpc-message", "")[:600]))
    detail = f"gRPC {name.upper()}" + (f": {message}" if message else "")
    retry_after_s = _retry_after(call.headers.get("grpc-status-details-bin"))
    if name in _RETRYABLE:
        return SendResult(Verdict.RETRY, reason, detail, retry_after_s)
    if name == "resource_exhausted":
        if retry_after_s is not None:
            return SendResult(Verdict.RETRY, reason, detail, retry_after_s)
        if "larger than max" in message:
            return SendResult(Verdict.SPLIT, reason, detail)
    return SendResult(Verdict.REFUSED if name in _REFUSED else Verdict.DROP, reason, detail)


def _retry_after(details: str | None) -> float | None:
    """Seconds of a RetryInfo in ``grpc-status-details-bin``; None where there is none."""
    if not details or len(details) > 16384:
        return None
    with suppress(binascii.Error, ValueError):
        seconds = responses.retry_info_s(base64.b64decode(details + "=" * (-len(details) % 4)))
        return min(seconds, MAX_WAIT_S) if seconds is not None else None
    return None


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
