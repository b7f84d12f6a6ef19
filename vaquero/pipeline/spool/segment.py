"""Segments: the append-only files of a process's folder, and the cursor of what is settled."""

from __future__ import annotations

import os
import re
import struct
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from vaquero.pipeline.spool import folder, frame

if TYPE_CHECKING:
    from vaquero.pipeline.spool.frame import Frame

SUFFIX = ".seg"
CURSOR_NAME = "cursor"

_NAME = re.compile(r"^(\d{8})\.seg$")
_CURSOR = struct.Struct("<QQI")
_CHUNK = 1024 * 1024


def name_of(number: int) -> str:
    """The file name of a segment."""
    return f"{number:08d}{SUFFIX}"


def numbers_in(parent: int) -> list[int]:
    """The segments in an open folder, oldest first."""
    found = [_NAME.match(name) for name in os.listdir(parent)]
    return sorted(int(match.group(1)) for match in found if match is not None)


class Segment:
    """A segment that is written: one write per frame, by the writer or by a caller in need.

    Whoever writes *pins* it first, so that it is not thought complete while a write is under way:
    pin, look whether it is still the one to write to, write, unpin. No lock is held over a write.
    """

    def __init__(self, parent: int, number: int) -> None:
        self.number = number
        self.made_s = time.monotonic()
        self.handle = folder.create_file(parent, name_of(number), append=True)
        self.pins: deque[None] = deque()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append a frame.

        Raises:
            OSError: The disk is full or gone; a torn frame is left, which readers skip.
        """
        written = os.write(self.handle, data)
        self.size += written
        if written != len(data):
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        """Close the file."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            with suppress(OSError):
                os.close(handle)


class Cursor(NamedTuple):
    """Everything before this place is settled."""

    number: int
    offset: int


class CursorFile:
    """Where a folder's settled part ends; one small write for each request.

    Args:
        parent: The folder, open.
    """

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._handle = -1

    def read(self) -> Cursor:
        """The place; the very beginning where nothing is settled or the file is damaged."""
        try:
            handle = folder.open_file(self._parent, CURSOR_NAME)
        except OSError:
            return Cursor(0, 0)
        try:
            data = os.read(handle, _CURSOR.size)
        finally:
            os.close(handle)
        if len(data) != _CURSOR.size:
            return Cursor(0, 0)
        number, offset, check = _CURSOR.unpack(data)
        return Cursor(number, offset) if crc32(data[:16]) == check else Cursor(0, 0)

    def write(self, cursor: Cursor) -> None:
        """Note the place.

        Raises:
            OSError: The disk is gone.
        """
        if self._handle < 0:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._handle = os.open(CURSOR_NAME, flags, 0o600, dir_fd=self._parent)
        head = _CURSOR.pack(cursor.number, cursor.offset, 0)[:16]
        os.pwrite(self._handle, head + struct.pack("<I", crc32(head)), 0)

    def close(self) -> None:
        """Close the file."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            with suppress(OSError):
                os.close(handle)


class SegmentReader:
    """Reads frames of one segment from an offset on, damage skipped and counted.

    Args:
        parent: The folder, open.
        number: The segment.
        offset: Where to begin.

    Raises:
        OSError: It is missing or no plain file of ours.
    """

    def __init__(self, parent: int, number: int, offset: int = 0) -> None:
        self.number = number
        self.offset = offset
        self.damaged_bytes = 0
        self._handle = folder.open_file(parent, name_of(number))

    def read(self, max_bytes: int, max_items: int, *, sealed: bool) -> list[Frame]:
        """The next frames within both bounds (or one alone), and the offset moved past them.

        Args:
            max_bytes: Bound of the payloads together.
            max_items: Bound of the items together.
            sealed: Whether nobody appends any more: then a torn end is skipped.
        """
        found: list[Frame] = []
        size = items = 0
        while not found:
            data, last = self._stretch(max_bytes)
            base = self.offset
            for found_frame, skipped in frame.frames(data, base, sealed=sealed and last):
                if found_frame is None:
                    self._skip(skipped)
                    continue
                size += len(found_frame.payload)
                items += found_frame.items
                if found and (size > max_bytes or items > max_items):
                    break
                found.append(found_frame)
                self.offset = found_frame.end
            if last:
                break
            if self.offset == base:
                self._skip(len(data) - frame.HEADER_BYTES)  # a whole stretch of damage
        return found

    def _skip(self, count: int) -> None:
        self.offset += count
        self.damaged_bytes += count

    def _stretch(self, max_bytes: int) -> tuple[bytes, bool]:
        """Bytes from the offset on, enough for a whole frame; and whether it is the file's rest."""
        left = os.fstat(self._handle).st_size - self.offset
        if left <= 0:
            return b"", True
        data = os.pread(self._handle, min(left, max(max_bytes, _CHUNK)), self.offset)
        needed = frame.needed_bytes(data)
        if len(data) < needed <= left:
            data = os.pread(self._handle, needed, self.offset)
        return data, len(data) >= left

    @property
    def size(self) -> int:
        """Bytes in the segment now."""
        return os.fstat(self._handle).st_size

    def close(self) -> None:
        """Close the file."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            with suppress(OSError):
                os.close(handle)
