"""A marked span, metric and log record, sent to where the application's would go.

Each signal is sent by the transport of the pipeline, with its headers, TLS and proxy, but past
ring, spool and retries: what the server answers is what is judged, more strictly than in operation.
"""

from __future__ import annotations

import secrets
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vaquero.cli.doctor import marked_items
from vaquero.cli.doctor.checks import CheckResult
from vaquero.pipeline.transport.http import HttpTransport
from vaquero.pipeline.transport.retry import SendResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaquero.config import Settings
    from vaquero.pipeline.settings import Destination, Signal
    from vaquero.pipeline.transport.http_message import Answer

SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

_CONNECT_S = 3.0


def check(settings: Settings) -> Iterator[CheckResult]:
    """Connect to each destination, then send one item of each signal.

    Args:
        settings: Where to, and how.
    """
    from vaquero.sdk import endpoints

    unreachable: set[tuple[str, int]] = set()
    mark = secrets.token_hex(8)
    for signal in SIGNALS:
        if settings[f"{signal}_exporter"] == ("none",):
            continue
        destination = endpoints.destination(signal, settings)
        result = _unreachable(destination, unreachable)
        if result is not None:
            yield result
        elif _peer(destination) not in unreachable:
            yield _send(signal, destination, mark, settings)


def _peer(destination: Destination) -> tuple[str, int]:
    text = destination.endpoint
    parts = urlsplit(text if "//" in text else f"//{text}")
    secure = parts.scheme in ("https", "grpcs")
    usual = 4317 if destination.protocol == "grpc" else (443 if secure else 80)
    return parts.hostname or "", parts.port or usual


def _unreachable(destination: Destination, known: set[tuple[str, int]]) -> CheckResult | None:
    """Why no connection can be made, once for each address; None where one can."""
    from vaquero.pipeline.transport.http import proxy_for
    from vaquero.sdk import endpoints

    try:
        peer = _peer(destination)
    except ValueError as error:
        return CheckResult("endpoint", "failed", f"{destination.address}: {error}")
    scheme = urlsplit(destination.endpoint).scheme
    if peer in known or proxy_for(scheme, peer[0], endpoints.proxies()) is not None:
        return None  # Said already; or the proxy will say.
    try:
        socket.create_connection(peer, _CONNECT_S).close()
    except OSError as error:
        known.add(peer)
        return CheckResult("endpoint", "failed", _explained(destination, peer, error))
    return None


def _explained(destination: Destination, peer: tuple[str, int], error: OSError) -> str:
    where = f"{destination.address} cannot be reached"
    if isinstance(error, ConnectionRefusedError):
        text = f"{where}: nothing listens on port {peer[1]} of {peer[0]}."
    elif isinstance(error, socket.gaierror):
        text = f"{where}: the name {peer[0]!r} is not known."
    elif isinstance(error, TimeoutError):
        text = f"{where}: no answer within {_CONNECT_S:g} s; a firewall?"
    else:
        text = f"{where}: {error.strerror or error}."
    if destination.named_by_user:
        return text
    return f"{text} Start 'vaquero view', or set OTEL_EXPORTER_OTLP_ENDPOINT."


def _send(signal: Signal, destination: Destination, mark: str, settings: Settings) -> CheckResult:
    name = f"round trip of {signal}"
    try:
        body = marked_items.request(signal, mark, settings)
        transport = _transport(signal, destination)
        began = time.monotonic()
        try:
            reply = transport.send(body, f"doctor-{mark}", destination.timeout_s)
        finally:
            transport.close()
    except (ValueError, OSError, ImportError) as error:
        return CheckResult(name, "failed", f"{destination.address}: {error}")
    took_ms = (time.monotonic() - began) * 1000
    return judge(name, destination.address, reply, took_ms, mark)


def judge(name: str, address: str, reply: SendResult, took_ms: float, mark: str) -> CheckResult:
    """What an answer means.

    Args:
        name: Of the result.
        address: Where the request went, without credentials.
        reply: The transport's reading of the answer.
        took_ms: Milliseconds until it came.
        mark: ``vaquero.doctor.mark`` of what was sent.
    """
    if reply.verdict is not Verdict.OK:
        return CheckResult(name, "failed", f"{address}: {reply.detail or reply.reason}")
    if reply.rejected:
        why = reply.detail or "it gave no reason"
        return CheckResult(
            name, "failed", f"{address} took the request and rejected its item: {why}"
        )
    if reply.detail:
        return CheckResult(name, "warning", f"{address} took it, and says: {reply.detail}")
    return CheckResult(name, "ok", f"{address} took it in {took_ms:.0f} ms (mark {mark})")


def _transport(signal: Signal, destination: Destination) -> Any:
    from vaquero.pipeline.settings import PipelineSettings
    from vaquero.pipeline.transport.choice import make_transport
    from vaquero.sdk import endpoints

    settings = PipelineSettings(connect_timeout_s=_CONNECT_S, proxies=endpoints.proxies())
    if destination.protocol == "http/protobuf":
        return StrictTransport(destination, settings)
    return make_transport(signal, destination, settings)


class StrictTransport(HttpTransport):
    """Takes a 2xx for success only where it is an OTLP answer.

    In operation a server that forgets the content type is forgiven. Here the question is whether
    somebody else lives at this address: any server may say 200 to a POST.
    """

    def _judge(self, answer: Answer) -> SendResult:
        taken = 200 <= answer.status < 300
        if taken and answer.kind != "application/x-protobuf":
            kind = answer.kind or "no content type"
            return SendResult(
                Verdict.REFUSED,
                "not_otlp",
                f"answers {answer.status} but is no OTLP receiver (expected "
                f"application/x-protobuf, got {kind})",
            )
        if taken and not _is_message(answer.body):
            return SendResult(
                Verdict.REFUSED, "not_otlp", "answers 200 with what is no OTLP message"
            )
        return super()._judge(answer)


def _is_message(body: bytes) -> bool:
    from vaquero.pipeline.otlp.wire import read_fields

    try:
        list(read_fields(body))
    except ValueError:
        return False
    return True
