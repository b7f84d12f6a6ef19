"""Frames: how encoded requests lie in the spool and in memory.

``length u32 | crc32 u32 | magic | signal u8 | flags u8 | traces u16 | items u32 | time u32 |
id u64 | payload``, little-endian. ``length`` counts the bytes after the checksum, and the checksum
covers them. The payload is an encoded ``Export*ServiceRequest`` or several, one after the other.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from vaquero.pipeline.settings import SIGNALS, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"VQF1"

_OUTER = struct.Struct("<II")
_INNER = struct.Struct("<4sBBHIIQ")
HEADER_BYTES = _OUTER.size + _INNER.size

#: No frame of ours is longer; a longer length is damage.
MAX_FRAME_BYTES = 96 * 1024 * 1024

_NUMBER = {signal: number for number, signal in enumerate(SIGNALS)}


class Frame(NamedTuple):
    """One framed request.

    Attributes:
        signal: Which kind of request the payload is.
        items: Spans, data points or log records in it.
        time_s: When it was written, Unix time in whole seconds.
        id: Unique among the frames of a user.
        payload: The encoded request.
        traces: Root spans among the items, at most 65535.
        end: Where the frame ends in its segment; 0 for frames in memory.
    """

    signal: Signal
    items: int
    time_s: int
    id: int
    payload: bytes
    traces: int = 0
    end: int = 0


def pack(frame: Frame) -> bytes:
    """The frame as it lies on disk."""
    inner = _INNER.pack(
        MAGIC,
        _NUMBER[frame.signal],
        0,
        min(frame.traces, 0xFFFF),
        frame.items,
        frame.time_s & 0xFFFFFFFF,
        frame.id,
    )
    check = crc32(frame.payload, crc32(inner))
    return b"".join((_OUTER.pack(len(inner) + len(frame.payload), check), inner, frame.payload))


def frames(
    data: bytes, base: int, *, sealed: bool, with_payload: bool = True
) -> Iterator[tuple[Frame | None, int]]:
    """The frames in a stretch of a segment, damage skipped.

    Args:
        data: Bytes of the segment from ``base`` on.
        base: Offset of ``data`` in the segment.
        sealed: Whether ``data`` reaches the end of a segment to which nobody appends any more;
            then an incomplete tail is damage and is skipped too.
        with_payload: False leaves payloads empty (for counting).

    Yields:
        ``(frame, skipped)``: a frame, or None and the number of damaged bytes before the next
        frame or the end.
    """
    at, size = 0, len(data)
    while at < size:
        found = _frame_at(data, at, base, with_payload)
        if found is not None:
            yield found, 0
            at = found.end - base
            continue
        following = _next_frame(data, at + 1)
        if following is None:
            if sealed:
                yield None, size - at
            return
        yield None, following - at
        at = following


def needed_bytes(data: bytes) -> int:
    """How many bytes the frame at the start of ``data`` claims to need; 0 where it is damaged."""
    if len(data) < _OUTER.size + len(MAGIC):
        return 0
    length, _ = _OUTER.unpack_from(data, 0)
    if length > MAX_FRAME_BYTES or data[_OUTER.size : _OUTER.size + len(MAGIC)] != MAGIC:
        return 0
    return _OUTER.size + length


def _frame_at(data: bytes, at: int, base: int, with_payload: bool) -> Frame | None:
    if len(data) - at < HEADER_BYTES:
        return None
    length, check = _OUTER.unpack_from(data, at)
    start = at + _OUTER.size
    end = start + length
    if length < _INNER.size or length > MAX_FRAME_BYTES or end > len(data):
        return None
    view = memoryview(data)
    if crc32(view[start:end]) != check:
        return None
    magic, number, _, traces, items, time_s, frame_id = _INNER.unpack_from(data, start)
    if magic != MAGIC or number >= len(SIGNALS):
        return None
    payload = data[start + _INNER.size : end] if with_payload else b""
    return Frame(SIGNALS[number], items, time_s, frame_id, payload, traces, base + end)


def _next_frame(data: bytes, at: int) -> int | None:
    """Offset of the next whole frame at or after ``at``, found by its magic."""
    while True:
        mark = data.find(MAGIC, at + _OUTER.size)
        if mark < 0:
            return None
        start = mark - _OUTER.size
        if _frame_at(data, start, 0, False) is not None:
            return start
        at = start + 1
