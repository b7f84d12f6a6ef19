"""Asks the destination, before anything is accepted, whether it takes what it will be sent.

A Collector drops for good what a backend refuses for good, such as a wrong key. Found out before
the start, it costs nothing: the senders keep what they have.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from vaquero_collector import addresses
from vaquero_collector.errors import CollectorError
from vaquero_collector.plan import header_map


@dataclass(frozen=True)
class PreflightAnswer:
    """What the destination answered.

    Attributes:
        ok: It takes data.
        fatal: It refuses for good; to send there loses data.
        text: One line for the user.
    """

    ok: bool
    fatal: bool
    text: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys are for the destination that was named, not for one that it points to."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def ask(
    destination: str, environment: Mapping[str, str], timeout_s: float = 3.0
) -> PreflightAnswer:
    """Send an empty request of traces and say what came of it.

    Args:
        destination: URL without the path of the signal.
        environment: Has headers and TLS files as the overlay `backend` reads them.
        timeout_s: How long to wait for an answer, in seconds.
    """
    name = addresses.masked(destination)
    request = urllib.request.Request(
        destination.rstrip("/") + "/v1/traces",
        data=b"",
        method="POST",
        headers={"Content-Type": "application/x-protobuf"},
    )
    if headers := environment.get("VAQUERO_OTLP_HEADERS"):
        for key, value in header_map(headers).items():
            request.add_unredirected_header(key, value)
    try:
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.HTTPSHandler(context=_context(environment)),
            _NoRedirect(),
        ]
        if addresses.is_loopback(destination):
            handlers.append(urllib.request.ProxyHandler({}))
        opener = urllib.request.build_opener(*handlers)
        with opener.open(request, timeout=timeout_s) as answer:
            return PreflightAnswer(True, False, f"{name} takes data ({answer.status}).")
    except urllib.error.HTTPError as error:
        return _refusal(name, error.code)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return PreflightAnswer(
            False, False, f"{name} does not answer yet ({reason}): what comes in waits on disk."
        )


def _refusal(name: str, status: int) -> PreflightAnswer:
    if status in (401, 403):
        text = f"{name} refuses the key ({status}): set VAQUERO_OTLP_HEADERS to one that it takes."
        return PreflightAnswer(False, True, text)
    if status in (429, 502, 503, 504):
        return PreflightAnswer(
            False, False, f"{name} is busy ({status}): what comes in waits on disk."
        )
    if status in (404, 405) or 300 <= status < 400:
        text = f"{name} takes no traces at /v1/traces ({status}): expected an address for OTLP."
        return PreflightAnswer(False, True, text)
    return PreflightAnswer(False, False, f"{name} answered an empty request with {status}.")


def _context(environment: Mapping[str, str]) -> ssl.SSLContext:
    def path(name: str) -> str | None:
        return environment.get(f"VAQUERO_OTLP_{name}") or None

    try:
        context = ssl.create_default_context(cafile=path("CA_FILE"))
        if certificate := path("CERT_FILE"):
            context.load_cert_chain(certificate, path("KEY_FILE"))
    except OSError as error:
        raise CollectorError(
            f"the files for TLS (VAQUERO_OTLP_CA_FILE, _CERT_FILE, _KEY_FILE) are not usable: "
            f"{error}."
        ) from error
    return context
