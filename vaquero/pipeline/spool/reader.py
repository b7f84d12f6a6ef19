"""Reads the folder of one process in the spool, in the order of writing."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vaquero.pipeline.spool import lock, segment
from vaquero.pipeline.spool.frame import HEADER_BYTES
from vaquero.pipeline.spool.segment import Cursor, CursorFile, SegmentReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaquero.pipeline.spool.frame import Frame


class SpoolReader:
    """The reading side of a locked folder: take, settle, drop. Nobody appends to an adopted one.

    Args:
        handle: The folder, open; the reader closes it.
        held: The descriptor that holds its lock; the reader releases it.
        damaged: Told how many bytes were damaged and skipped.
    """

    def __init__(self, handle: int, held: int, damaged: Callable[[int], None]) -> None:
        self.handle = handle
        self.held = held
        self._damaged = damaged
        self._cursor_file = CursorFile(handle)
        self._cursor = self._cursor_file.read()
        self._segment_reader: SegmentReader | None = None
        self._in_flight: list[Frame] = []
        self._lock = threading.Lock()
        self.waiting_bytes = self._unread_bytes()

    def _unread_bytes(self) -> int:
        total = 0
        for number in segment.numbers_in(self.handle):
            with suppress(OSError):
                info = os.stat(segment.name_of(number), dir_fd=self.handle, follow_symlinks=False)
                total += info.st_size
        return max(0, total - (self._cursor.offset if total else 0))

    # -- what the sender asks for --------------------------------------------------------------

    def take(self, max_bytes: int, max_items: int) -> list[Frame]:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        with self._lock:
            while not self._in_flight:
                reader = self._segment_reader or self._open_next()
                if reader is None:
                    break
                damaged = reader.damaged_bytes
                # Asked first: what is complete now was complete before the read.
                complete = self._is_complete(reader.number)
                self._in_flight = reader.read(max_bytes, max_items, sealed=complete)
                if reader.damaged_bytes > damaged:
                    self._damaged(reader.damaged_bytes - damaged)
                if self._in_flight or not complete:
                    break
                self._remove(reader.number)
            return list(self._in_flight)

    def settle(self) -> None:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        with self._lock:
            reader = self._segment_reader
            done = sum(HEADER_BYTES + len(frame.payload) for frame in self._in_flight)
            self.waiting_bytes = max(0, self.waiting_bytes - done)
            self._in_flight = []
            if reader is None:
                return
            self._cursor = Cursor(reader.number, reader.offset)
            with suppress(OSError):
                self._cursor_file.write(self._cursor)
            if self._is_complete(reader.number) and reader.offset >= reader.size:
                self._remove(reader.number)

    def give_back(self) -> None:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        with self._lock:
            self._in_flight = []
            self._close_segment_reader()

    # -- segments ------------------------------------------------------------------------------

    def _is_complete(self, number: int) -> bool:
        """Whether nobody appends to the segment any more."""
        return True

    def _open_next(self) -> SegmentReader | None:
        for number in segment.numbers_in(self.handle):
            if number < self._cursor.number:
                self._unlink(number)  # settled; the process ended before it was removed
                continue
            offset = self._cursor.offset if number == self._cursor.number else 0
            try:
                self._segment_reader = SegmentReader(self.handle, number, offset)
            except OSError:
                self._unlink(number)
                continue
            return self._segment_reader
        return None

    def _remove(self, number: int) -> None:
        self._close_segment_reader()
        self._cursor = Cursor(number + 1, 0)
        self._unlink(number)

    def _unlink(self, number: int) -> None:
        with suppress(OSError):
            os.unlink(segment.name_of(number), dir_fd=self.handle)

    def _close_segment_reader(self) -> None:
        reader, self._segment_reader = self._segment_reader, None
        if reader is not None:
            reader.close()

    def is_gone(self) -> bool:
        """Whether somebody removed the folder."""
        try:
            return os.fstat(self.handle).st_nlink == 0
        except OSError:
            return True

    def is_empty(self) -> bool:
        """Whether nothing is left to send."""
        with self._lock:
            return not self._in_flight and not segment.numbers_in(self.handle)

    # -- quota ---------------------------------------------------------------------------------

    def segments(self) -> list[tuple[float, int, int]]:
        """``(last change, bytes, number)`` of each segment that may be dropped."""
        found: list[tuple[float, int, int]] = []
        with self._lock:
            for number in segment.numbers_in(self.handle):
                if self._is_being_sent(number) or not self._is_complete(number):
                    continue
                with suppress(OSError):
                    name = segment.name_of(number)
                    info = os.stat(name, dir_fd=self.handle, follow_symlinks=False)
                    found.append((info.st_mtime, info.st_size, number))
        return found

    def _is_being_sent(self, number: int) -> bool:
        reader = self._segment_reader
        return bool(self._in_flight) and reader is not None and reader.number == number

    def drop(self, number: int) -> int | None:
        """Remove a segment unsent; the items lost by it, or None where it is being sent."""
        with self._lock:
            if self._is_being_sent(number):
                return None
            offset = self._cursor.offset if number == self._cursor.number else 0
            items = count_items(self.handle, number, offset)
            if self._segment_reader is not None and self._segment_reader.number == number:
                self._close_segment_reader()
            self.waiting_bytes = max(0, self.waiting_bytes - self._size(number) + offset)
            self._unlink(number)
            return items

    def unsettled_bytes(self, number: int) -> int:
        """Bytes of a segment that are not settled."""
        offset = self._cursor.offset if number == self._cursor.number else 0
        return max(0, self._size(number) - offset)

    def _size(self, number: int) -> int:
        try:
            name = segment.name_of(number)
            return os.stat(name, dir_fd=self.handle, follow_symlinks=False).st_size
        except OSError:
            return 0

    # -- end -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the folder up: removed where it is empty, else for somebody else to adopt."""
        with self._lock:
            self._close_segment_reader()
            self._cursor_file.close()
            self._in_flight = []
            if self.handle < 0:
                return
            if not segment.numbers_in(self.handle):
                self._remove_folder()
            os.close(self.handle)
            self.handle = -1
        lock.release(self.held)

    def _remove_folder(self) -> None:
        """Empty the folder while its lock is held; whoever closes it removes its name."""
        with suppress(OSError):
            for name in (segment.CURSOR_NAME, lock.LOCK_NAME):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=self.handle)

    def forget(self) -> None:
        """In a forked child: close this process's copies, and leave everything as it is."""
        self._close_segment_reader()
        self._cursor_file.close()
        if self.handle >= 0:
            with suppress(OSError):
                os.close(self.handle)
            self.handle = -1


def count_items(handle: int, number: int, offset: int) -> int:
    """Items in the frames of a segment from an offset on; 0 where it cannot be read."""
    try:
        reader = SegmentReader(handle, number, offset)
    except OSError:
        return 0
    try:
        items = 0
        while True:
            frames = reader.read(4 * 1024 * 1024, 1 << 30, sealed=True)
            if not frames:
                return items
            items += sum(frame.items for frame in frames)
    except OSError:
        return 0
    finally:
        reader.close()


def folder_name() -> str:
    """A name for the folder of this process that nobody else uses."""
    return f"{os.getpid()}-{int(time.time())}-{os.urandom(4).hex()}"
