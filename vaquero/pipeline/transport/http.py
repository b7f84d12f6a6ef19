"""OTLP over HTTP/1.1: one kept-alive connection, and what an answer means for the request.

Kept alive, no redirects followed, no decompression, answers capped, every request bounded by one
deadline.
"""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from vaquero.pipeline.otlp import responses
from vaquero.pipeline.transport.http_message import (
    Answer,
    NotHttp,
    host_header,
    read_answer,
    request_head,
)
from vaquero.pipeline.transport.retry import SendResult, Verdict, judge_status
from vaquero.pipeline.transport.retry_after import parse_retry_after
from vaquero.pipeline.transport.socket_transport import (
    SocketTransport,
    compress,
    connection_failed,
)
from vaquero.pipeline.transport.sockets import DeadlineSocket, is_loopback, preload, tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from urllib.parse import SplitResult

    from vaquero.pipeline.settings import Compression, Destination, PipelineSettings, Proxies


#: Up to here a request is one piece with its headers: one system call, one packet for a small one.
_ONE_WRITE_BYTES = 65536


class HttpTransport(SocketTransport):
    """One keep-alive connection to one OTLP/HTTP endpoint.

    Args:
        destination: Where to and how.
        settings: Connect timeout, proxies and user agent.

    Raises:
        ValueError: The endpoint is no ``http`` or ``https`` URL.
        OSError: A certificate file cannot be read.
    """

    def __init__(self, destination: Destination, settings: PipelineSettings) -> None:
        super().__init__()
        url = urlsplit(destination.endpoint)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"{destination.address!r} is no http:// or https:// URL")
        self._host = url.hostname
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls: ssl.SSLContext | None = None
        if url.scheme == "https":
            self._tls = tls_context(destination)
        self._proxy = proxy_for(url.scheme, self._host, settings.proxies)
        self._target = _target(url, absolute=self._proxy is not None and self._tls is None)
        self._compression: Compression = destination.compression
        self._connect_timeout_s = settings.connect_timeout_s
        self._headers = _headers(destination, url, settings.user_agent)
        self._head = b""
        self._proxy_headers = _basic_auth(self._proxy, "Proxy-Authorization")
        if self._proxy is not None and self._tls is None:
            self._headers.update(self._proxy_headers)
        if self._tls is not None or not self._peer()[0].isascii():
            preload()

    def send(self, body: bytes, batch_id: str, timeout_s: float) -> SendResult:
        """See :class:`vaquero.pipeline.transport.choice.Transport`."""
        self._aborted = False
        try:
            # Inside: what is compressed is cheap to make again, and retries are rare.
            payload = compress(body, self._compression)
            return self._attempt(payload, batch_id, timeout_s)
        except NotHttp as error:
            return SendResult(Verdict.RETRY, "garbage", str(error))
        except (OSError, ValueError) as error:
            return connection_failed(error)

    def _attempt(self, payload: bytes, batch_id: str, timeout_s: float) -> SendResult:
        request = self._request(len(payload), batch_id)
        wire, reused = self._connected(timeout_s)
        try:
            return self._exchange(wire, request, payload, timeout_s)
        except ConnectionError:
            self.close()
            # A kept-alive connection may have ended while it was idle; a fresh one has no excuse.
            if not reused or wire.bytes_read or self._aborted:
                raise
        except BaseException:
            self.close()
            raise
        wire, _ = self._connected(timeout_s)
        try:
            return self._exchange(wire, request, payload, timeout_s)
        except BaseException:
            self.close()
            raise

    def _request(self, size: int, batch_id: str) -> bytes:
        if not self._head:
            default_port = 443 if self._tls is not None else 80
            headers = {"Host": host_header(self._host, self._port, default_port)}
            _merge(headers, self._headers.items())
            self._head = request_head("POST", self._target, headers.items())
        rest = f"Content-Length: {size}\r\nx-vaquero-batch-id: {batch_id}\r\n\r\n"
        return self._head + rest.encode("latin-1")

    def _exchange(
        self, wire: DeadlineSocket, request: bytes, payload: bytes, timeout_s: float
    ) -> SendResult:
        wire.start(timeout_s)
        broken: OSError | None = None
        try:
            if len(payload) < _ONE_WRITE_BYTES:
                wire.sendall(request + payload)
            else:
                wire.sendall(request)
                wire.sendall(payload)
        except TimeoutError:
            raise
        except OSError as error:
            broken = error  # a server may answer 413 and close before it has read everything
        try:
            answer = read_answer(wire.receive)
        except (OSError, NotHttp):
            if broken is not None:
                raise broken from None
            raise
        if broken is not None or not answer.keep:
            self.close()
        return self._judge(answer)

    def _judge(self, answer: Answer) -> SendResult:
        if 200 <= answer.status < 300:
            if answer.kind == "text/html":
                # Some other server lives at this address: nobody took the data.
                return SendResult(
                    Verdict.REFUSED, "not_otlp", "answered with a web page, not with OTLP"
                )
            rejected, message = responses.partial_success(answer.body)
            return SendResult(Verdict.OK, detail=message, rejected=rejected)
        message = ""
        if answer.kind == "application/x-protobuf":
            message = responses.status_message(answer.body)
        detail = f"HTTP {answer.status} {responses.printable(answer.reason, 60)}"
        if message:
            detail += f": {message}"
        wait_s = parse_retry_after(answer.headers.get("retry-after"))
        return judge_status(answer.status, detail, wait_s)

    # -- connection ----------------------------------------------------------------------------

    def _connected(self, timeout_s: float) -> tuple[DeadlineSocket, bool]:
        if self._wire is not None:
            if not self._wire.is_stale():
                return self._wire, True
            self.close()
        return self._open(timeout_s), False

    def _peer(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        if self._proxy is not None:
            return self._proxy.hostname or "", self._proxy.port or 80
        return self._host, self._port

    def _open(self, timeout_s: float) -> DeadlineSocket:
        host, port = self._peer()
        # As bytes: for text the socket module would load the tables of international names.
        name: Any = host.encode() if host.isascii() else host
        sock = socket.create_connection((name, port), min(self._connect_timeout_s, timeout_s))
        wire = self._wire = DeadlineSocket(sock)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.start(timeout_s)
            if self._tls is not None:
                if self._proxy is not None:
                    self._tunnel(wire)
                sock.settimeout(timeout_s)
                wire.sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        except BaseException:
            self._wire = None
            wire.close()
            sock.close()
            raise
        return wire

    def _tunnel(self, wire: DeadlineSocket) -> None:
        peer = host_header(self._host, self._port, 0)
        headers = [("Host", peer), *self._proxy_headers.items()]
        wire.sendall(request_head("CONNECT", peer, headers) + b"\r\n")
        answer = bytearray()
        piece = bytearray(1)
        while not answer.endswith(b"\r\n\r\n"):
            if not wire.recv_into(piece):
                raise ConnectionError("the proxy closed the connection")
            answer += piece
        status = answer.split(b" ", 2)[1:2]
        if status != [b"200"]:
            raise ConnectionError(f"the proxy answered {responses.printable(bytes(answer), 40)}")


def proxy_for(scheme: str, host: str, proxies: Proxies) -> SplitResult | None:
    """The proxy for a host, None for direct. Loopback never goes through one."""
    address = proxies.https if scheme == "https" else proxies.http
    if not address or is_loopback(host):
        return None
    name = host.lower()
    for entry in proxies.bypass:
        rule = entry.strip().lower()
        domain = rule.partition(":")[0].lstrip("*").lstrip(".")
        if rule == "*" or (domain and (name == domain or name.endswith(f".{domain}"))):
            return None
    return urlsplit(address if "//" in address else f"http://{address}")


def _headers(destination: Destination, url: SplitResult, user_agent: str) -> dict[str, str]:
    headers = {
        "Content-Type": "application/x-protobuf",
        "User-Agent": user_agent,
        # A decompression bomb cannot be sent to somebody who asked for none.
        "Accept-Encoding": "identity",
        **_basic_auth(url, "Authorization"),
    }
    if destination.compression != "none":
        headers["Content-Encoding"] = destination.compression
    _merge(headers, destination.headers)
    return headers


def _merge(headers: dict[str, str], more: Iterable[tuple[str, str]]) -> None:
    """Add headers; one of the same name, in any case, gives way."""
    for name, value in more:
        for known in [known for known in headers if known.lower() == name.lower()]:
            del headers[known]
        headers[name] = value


def _basic_auth(url: SplitResult | None, header: str) -> dict[str, str]:
    if url is None or not url.username:
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
    return {header: f"Basic {base64.b64encode(pair).decode()}"}


def _target(url: SplitResult, *, absolute: bool) -> str:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if not absolute:
        return path
    return f"http://{url.netloc.rpartition('@')[2]}{path}"
