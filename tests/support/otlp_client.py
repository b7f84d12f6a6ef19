"""Sending OTLP over HTTP without an SDK: exactly this request, once."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any


def post(url: str, signal: str, request: Any, timeout_s: float = 60.0) -> int:
    """Send one request and return the status of the answer.

    Args:
        url: Base URL of the receiver.
        signal: ``traces``, ``metrics`` or ``logs``.
        request: The message.
        timeout_s: How long the answer may take.
    """
    posted = urllib.request.Request(
        f"{url}/v1/{signal}",
        data=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    )
    try:
        with urllib.request.urlopen(posted, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
