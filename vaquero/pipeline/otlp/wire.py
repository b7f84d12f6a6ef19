"""The few rules of the protobuf wire format that OTLP needs: tags, lengths, numbers.

Source: https://protobuf.dev/programming-guides/encoding/ and ``opentelemetry/proto/trace/v1``.
A field is its tag ``number << 3 | wire type`` followed by its value; messages, text and bytes have
wire type 2 and carry their length in front.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_UINT64 = 0xFFFFFFFFFFFFFFFF
_UINT32 = 0xFFFFFFFF

#: How many varints are kept ready.
READY = 2048
#: Those of 0 to 2047, which is nearly every length and small number that is written.
VARINTS: tuple[bytes, ...] = tuple(bytes((n,)) for n in range(128)) + tuple(
    bytes((n & 0x7F | 0x80, n >> 7)) for n in range(128, READY)
)

#: Packs a double as OTLP wants it: eight bytes, little endian.
pack_double = struct.Struct("<d").pack
#: Packs an unsigned integer of 64 bits, little endian.
pack_fixed64 = struct.Struct("<Q").pack


def varint(number: int) -> bytes:
    """An integer of up to 64 bits in base-128; negative ones in two's complement (ten bytes)."""
    if 0 <= number < READY:
        return VARINTS[number]
    number &= _UINT64
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
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
            return value & _UINT64, at
        shift += 7
    raise ValueError("varint too long")


def read_raw_fields(message: bytes) -> Iterator[tuple[int, bytes, int | bytes]]:
    """The top-level fields of a message as ``(number, the whole field, its value)``.

    Raises:
        ValueError: The bytes are no protobuf message.
    """
    at, size = 0, len(message)
    while at < size:
        start = at
        key, at = read_varint(message, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("field number 0")
        if kind == VARINT:
            value, at = read_varint(message, at)
            yield number, message[start:at], value
            continue
        if kind == LENGTH:
            length, at = read_varint(message, at)
        elif kind == FIXED64:
            length = 8
        elif kind == FIXED32:
            length = 4
        else:
            raise ValueError(f"wire type {kind}")
        end = at + length
        if end > size:
            raise ValueError("truncated field")
        yield number, message[start:end], message[at:end]
        at = end


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The top-level fields of a message as ``(number, value)``.

    Raises:
        ValueError: The bytes are no protobuf message.
    """
    for number, _, value in read_raw_fields(message):
        yield number, value


def tag(field: int, kind: int) -> bytes:
    """The tag of a field of this number and wire type."""
    return varint(field << 3 | kind)


def delimited(field: int, data: bytes) -> bytes:
    """A field that holds text, bytes or a message: tag, length, data."""
    return b"".join((tag(field, LENGTH), varint(len(data)), data))


def optional(field: int, data: bytes) -> bytes:
    """As :func:`delimited`, but nothing where there is no data."""
    return delimited(field, data) if data else b""


def count(field: int, number: int) -> bytes:
    """A ``uint32`` field, clamped to its range; nothing for zero, as proto3 has it."""
    if number <= 0:
        return b""
    return tag(field, VARINT) + varint(min(number, _UINT32))
