"""Reads the few answers of OTLP by hand, so that sending spans loads no protobuf.

An answer comes from a stranger: every read is bounded, and anything odd counts as no answer.
"""

from __future__ import annotations

from vaquero.pipeline.otlp.wire import read_fields

#: More of an answer is never read.
MAX_REPLY_BYTES = 64 * 1024


def partial_success(body: bytes) -> tuple[int, str]:
    """Rejected items and message of an ``Export*ServiceResponse``; ``(0, "")`` for none.

    All three signals share the layout: field 1 is the partial success, and inside it field 1 is
    the count and field 2 the message.
    """
    rejected, message = 0, ""
    try:
        for number, value in read_fields(body):
            if number != 1 or not isinstance(value, bytes):
                continue
            for inner, part in read_fields(value):
                if inner == 1 and isinstance(part, int):
                    rejected = part if part < 1 << 63 else 0
                elif inner == 2 and isinstance(part, bytes):
                    message = printable(part)
    except ValueError:
        return 0, ""
    return rejected, message


def status_message(body: bytes) -> str:
    """The text of a ``google.rpc.Status``, which OTLP servers answer with; "" for none."""
    try:
        for number, value in read_fields(body):
            if number == 2 and isinstance(value, bytes):
                return printable(value)
    except ValueError:
        return ""
    return ""


def retry_info_s(details: bytes) -> float | None:
    """Seconds of the ``RetryInfo`` in a ``google.rpc.Status``; None where there is none."""
    try:
        for number, any_value in read_fields(details):
            if number == 3 and isinstance(any_value, bytes):
                found = _retry_delay(any_value)
                if found is not None:
                    return found
    except ValueError:
        return None
    return None


def _retry_delay(any_value: bytes) -> float | None:
    parts = dict(read_fields(any_value))
    url, value = parts.get(1), parts.get(2, b"")
    if not isinstance(url, bytes) or not url.endswith(b"google.rpc.RetryInfo"):
        return None
    if not isinstance(value, bytes):
        return None
    delay = dict(read_fields(value)).get(1, b"")
    if not isinstance(delay, bytes):
        return None
    duration = dict(read_fields(delay))
    seconds, nanos = duration.get(1, 0), duration.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int) or seconds >= 1 << 63:
        return None
    return seconds + min(nanos, 999_999_999) / 1e9


def printable(data: bytes, limit: int = 200) -> str:
    """Text of a stranger for a log line: cut, and without control characters."""
    text = data[: limit * 4].decode("utf-8", "replace")[:limit]
    return "".join(char if char.isprintable() else " " for char in text).strip()
