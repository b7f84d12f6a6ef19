"""The spool of this process: frames appended to a folder of its own, read back by the sender.

The folder is made with the first frame. What is settled is deleted at once: whenever the sender has
caught up, the segment it read is closed and removed, and the next frame begins a new one.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vaquero.pipeline.spool import folder, frame, lock
from vaquero.pipeline.spool.reader import SpoolReader, folder_name
from vaquero.pipeline.spool.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaquero.pipeline.settings import Destination, Signal
    from vaquero.pipeline.spool.frame import Frame

SEGMENT_BYTES = 4 * 1024 * 1024
#: In a long outage of a quiet process segments are closed by age too, so that the oldest expire.
SEGMENT_AGE_S = 3600.0


class DestinationFolder:
    """The folder of one destination, opened when it is first needed.

    Args:
        root: The spool.
        signal: The signal.
        destination: Where it goes.
    """

    def __init__(self, root: Path, signal: Signal, destination: Destination) -> None:
        self.root = root
        self._signal: Signal = signal
        self._destination = destination
        self.handle = -1
        self.name = ""

    def open(self) -> int:
        """The open folder, made where it is missing.

        Raises:
            OSError: It cannot be made, or is not ours alone.
        """
        if self.handle >= 0:
            return self.handle
        root = folder.open_folder(self.root, create=True)
        try:
            key = folder.read_key(root)
            self.name = folder.destination_name(key, self._signal, self._destination)
            self.handle = folder.open_inside(root, self.name, create=True)
        finally:
            os.close(root)
        return self.handle

    def exists(self) -> bool:
        """Whether somebody has made it already."""
        return self.handle >= 0 or (self.root / folder.KEY_NAME).exists()

    def close(self) -> None:
        """Close it; also right in a forked child."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            with suppress(OSError):
                os.close(handle)


class OwnSpool(SpoolReader):
    """The folder that this process writes to."""

    def __init__(self, handle: int, held: int, damaged: Callable[[int], None]) -> None:
        super().__init__(handle, held, damaged)
        self.current: Segment | None = None
        self._sealing: list[Segment] = []
        self._number = 0
        self._roll_lock = threading.Lock()
        self.rolled = False

    def append(self, data: bytes, segment_bytes: int) -> None:
        """Write a packed frame to the current segment."""
        while True:
            current = self.current or self._next()
            current.pins.append(None)
            try:
                if current is not self.current:
                    continue  # sealed in between: nobody may write to it any more
                current.write(data)
                if current.size >= segment_bytes:
                    self.seal(current)
                    self.rolled = True
                return
            except OSError:
                self.seal(current)
                raise
            finally:
                current.pins.pop()

    def _next(self) -> Segment:
        with self._roll_lock:
            if self.current is None:
                self._number += 1
                self.current = Segment(self.handle, self._number)
            return self.current

    def seal(self, segment: Segment) -> None:
        """No more frames for this segment; it is complete when the last writer is done."""
        with self._roll_lock:
            if self.current is segment:
                self.current = None
                self._sealing.append(segment)

    def _is_complete(self, number: int) -> bool:
        # Under the lock: between the two steps of a seal a segment is neither current nor sealing,
        # and a reader that took it for complete would remove it under its last writers.
        with self._roll_lock:
            for sealing in list(self._sealing):
                if not sealing.pins:
                    sealing.close()
                    self._sealing.remove(sealing)
            current = self.current
            if current is not None and current.number == number:
                return False
            return all(sealing.number != number for sealing in self._sealing)

    def settle(self) -> None:
        """Settle, and where the sender has caught up, begin a new segment."""
        current, reader = self.current, self._segment_reader
        if (
            current is not None
            and reader is not None
            and reader.number == current.number
            and reader.offset >= current.size
        ):
            self.seal(current)
        super().settle()

    def seal_by_age(self, max_age_s: float) -> None:
        """Close the current segment where it has been open for longer."""
        current = self.current
        if current is not None and time.monotonic() - current.made_s > max_age_s:
            self.seal(current)

    def close_segments(self) -> None:
        """Close what is open for writing."""
        segments = [*self._sealing, *([self.current] if self.current is not None else [])]
        self.current = None
        self._sealing.clear()
        for segment in segments:
            segment.close()

    def close(self) -> None:
        """Give the folder up."""
        self.close_segments()
        super().close()

    def forget(self) -> None:
        """In a forked child: close this process's copies."""
        self.close_segments()
        super().forget()


class DiskStore:
    """Frames of one lane on disk.

    Args:
        place: The destination's folder.
        max_bytes: Bound of the whole spool; it decides how large segments may be.
        lost: Told how many items turned out to be missing or damaged.
    """

    def __init__(
        self, place: DestinationFolder, max_bytes: int, lost: Callable[[int], None]
    ) -> None:
        self._place = place
        self._segment_bytes = max(16384, min(SEGMENT_BYTES, max_bytes // 16))
        self._lost = lost
        self.spool: OwnSpool | None = None
        self.name = ""
        self.reset()

    def reset(self) -> None:
        """As new: for a forked child, whose parent keeps its folder."""
        if self.spool is not None:
            self.spool.forget()
        self.spool = None
        self._place.close()
        self._lock = threading.Lock()
        self._open_lock = threading.Lock()
        self._in_bytes = self._out_bytes = 0
        self._in_items = self._out_items = 0
        self._in_flight: list[Frame] = []

    @property
    def waiting_bytes(self) -> int:
        """Bytes not yet settled."""
        return max(0, self._in_bytes - self._out_bytes)

    @property
    def current_number(self) -> int:
        """The segment that is written to; -1 for none."""
        current = self.spool.current if self.spool is not None else None
        return current.number if current is not None else -1

    def append(self, new: Frame) -> None:
        """Append a frame by one write.

        Raises:
            OSError: The disk does not take it.
        """
        data = frame.pack(new)
        spool = self.spool or self._open()
        try:
            spool.append(data, self._segment_bytes)
        except OSError:
            if not spool.is_gone():
                raise
            # Somebody removed the folder under us: what was in it is lost, the rest need not be.
            self.spool = None
            self._open().append(data, self._segment_bytes)
        with self._lock:
            self._in_bytes += len(data)
            self._in_items += new.items

    def _open(self) -> OwnSpool:
        with self._open_lock:
            if self.spool is not None:
                return self.spool
            parent = self._place.open()
            for _ in range(5):
                name = folder_name()
                handle = folder.open_inside(parent, name, create=True)
                held = lock.acquire(handle, create=True)
                if held is not None:
                    self.name = name
                    self.spool = OwnSpool(handle, held, lambda _: None)
                    return self.spool
                os.close(handle)  # somebody looked for orphans in this very moment
            raise OSError(11, "no folder in the spool can be locked")

    def take(self, max_bytes: int, max_items: int) -> list[Frame]:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        spool = self.spool
        if spool is None:
            return []
        with self._lock:
            written = self._in_items, self._in_bytes
        try:
            self._in_flight = spool.take(max_bytes, max_items)
        except OSError:
            self._in_flight = []
        if not self._in_flight:
            if spool.is_gone():
                # Somebody removed the folder under us; the next frame makes a new one.
                self.spool = None
                spool.close()
                self._count_lost(*written)
            elif spool.current is None and spool.is_empty():
                self._count_lost(*written)
        return list(self._in_flight)

    def _count_lost(self, in_items: int, in_bytes: int) -> None:
        """Everything was read, and less came out than went in: the rest is damaged or gone."""
        with self._lock:
            missing = in_items - self._out_items
            # Others may have settled what they have not yet counted as written.
            self._out_items = max(self._out_items, in_items)
            self._out_bytes = max(self._out_bytes, in_bytes)
        if missing > 0:
            self._lost(missing)

    def settle(self) -> None:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        in_flight, self._in_flight = self._in_flight, []
        if self.spool is not None:
            self.spool.settle()
        with self._lock:
            self._out_bytes += sum(frame.HEADER_BYTES + len(f.payload) for f in in_flight)
            self._out_items += sum(f.items for f in in_flight)

    def give_back(self) -> None:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        self._in_flight = []
        if self.spool is not None:
            self.spool.give_back()

    def drop(self, number: int) -> int | None:
        """Remove a segment unsent; the items lost by it, or None where it is being sent."""
        spool = self.spool
        if spool is None:
            return None
        before = spool.unsettled_bytes(number)
        items = spool.drop(number)
        if items is None:
            return None
        with self._lock:
            self._out_items += items
            self._out_bytes = min(self._in_bytes, self._out_bytes + before)
        return items

    def tidy(self) -> None:
        """Remove the folder where nothing waits in it; a later frame makes a new one."""
        if not self.waiting_bytes and not self._in_flight:
            self._give_up()

    def close(self) -> None:
        """Give the folder up: removed where it is empty."""
        self._give_up()
        self._place.close()

    def _give_up(self) -> None:
        spool, self.spool = self.spool, None
        if spool is None:
            return
        parent = self._place.handle
        spool.close()
        if parent >= 0:
            with suppress(OSError):
                os.rmdir(self.name, dir_fd=parent)
