"""Reads the few answers of OTLP by hand, so that sending spans loads no protobuf.

An answer comes from a stranger: every read is bounded, and anything odd is "nothing said".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: More of an answer is never read.
MAX_REPLY_BYTES = 64 * 1024

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The top-level fields of a protobuf message as ``(number, value)``.

    Raises:
        ValueError: The bytes are no protobuf message.
    """
    at, size = 0, len(data)
    while at < size:
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("field number 0")
        if kind == _VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = varint(data, at)
        elif kind == _FIXED64:
            length = 8
        elif kind == _FIXED32:
            length = 4
        else:
            raise ValueError(f"wire type {kind}")
        end = at + length
        if end > size:
            raise ValueError("truncated field")
        yield number, data[at:end]
        at = end


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at ``at`` and the offset after it.

    Raises:
        ValueError: It is longer than ten bytes or cut.
    """
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise ValueError("truncated varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise ValueError("varint too long")


def partial_success(body: bytes) -> tuple[int, str]:
    """Rejected items and message of an ``Export*ServiceResponse``; ``(0, "")`` for none.

    All three signals share the layout: field 1 is the partial success, and inside it field 1 is
    the count and field 2 the message.
    """
    rejected, message = 0, ""
    try:
        for number, value in fields(body):
            if number != 1 or not isinstance(value, bytes):
                continue
            for inner, part in fields(value):
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
        for number, value in fields(body):
            if number == 2 and isinstance(value, bytes):
                return printable(value)
    except ValueError:
        return ""
    return ""


def retry_info_s(details: bytes) -> float | None:
    """Seconds of the ``RetryInfo`` in a ``google.rpc.Status``; None where there is none."""
    try:
        for number, any_value in fields(details):
            if number == 3 and isinstance(any_value, bytes):
                found = _retry_delay(any_value)
                if found is not None:
                    return found
    except ValueError:
        return None
    return None


def _retry_delay(any_value: bytes) -> float | None:
    parts = dict(fields(any_value))
    url, value = parts.get(1), parts.get(2, b"")
    if not isinstance(url, bytes) or not url.endswith(b"google.rpc.RetryInfo"):
        return None
    if not isinstance(value, bytes):
        return None
    delay = dict(fields(value)).get(1, b"")
    if not isinstance(delay, bytes):
        return None
    duration = dict(fields(delay))
    seconds, nanos = duration.get(1, 0), duration.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int) or seconds >= 1 << 63:
        return None
    return seconds + min(nanos, 999_999_999) / 1e9


def printable(data: bytes, limit: int = 200) -> str:
    """Text of a stranger for a log line: cut, and without control characters."""
    text = data[: limit * 4].decode("utf-8", "replace")[:limit]
    return "".join(char if char.isprintable() else " " for char in text).strip()
