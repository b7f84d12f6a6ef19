"""Stores: where frames wait for the sender. This one is memory; ``disk.py`` has the other."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaquero.pipeline.spool.frame import Frame


class FrameSource(Protocol):
    """What the sender reads from, one request at a time."""

    @property
    def waiting_bytes(self) -> int:
        """Bytes not yet settled, those in flight included."""
        ...

    def take(self, max_bytes: int, max_items: int) -> list[Frame]:
        """The next frames, together within both bounds unless one alone is larger.

        They are in flight until :meth:`settle` or :meth:`give_back`.
        """
        ...

    def settle(self) -> None:
        """What is in flight needs no more work: confirmed, refused or lost."""
        ...

    def give_back(self) -> None:
        """What is in flight was not sent: it is next again."""
        ...


class MemoryStore:
    """Frames in memory, bounded by bytes: the oldest are dropped first.

    Args:
        max_bytes: Bound of all payloads together.
        dropped: Told about each frame that was pushed out.
    """

    def __init__(self, max_bytes: int, dropped: Callable[[Frame], None]) -> None:
        self.max_bytes = max_bytes
        self._dropped = dropped
        self.reset()

    def reset(self) -> None:
        """Empty, with a new lock: for a forked child, whose parent sends what was here."""
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque()
        self._in_flight: list[Frame] = []
        self._bytes = 0
        self._in_flight_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes not yet settled."""
        return self._bytes + self._in_flight_bytes

    @property
    def waiting_items(self) -> int:
        """Items not yet settled."""
        with self._lock:
            return sum(f.items for f in self._frames) + sum(f.items for f in self._in_flight)

    def append(self, frame: Frame) -> None:
        """Take a frame, at the price of the oldest ones where there is no room."""
        pushed_out: list[Frame] = []
        with self._lock:
            self._frames.append(frame)
            self._bytes += len(frame.payload)
            while self._bytes > self.max_bytes and self._frames:
                oldest = self._frames.popleft()
                self._bytes -= len(oldest.payload)
                pushed_out.append(oldest)
        for oldest in pushed_out:
            self._dropped(oldest)

    def take(self, max_bytes: int, max_items: int) -> list[Frame]:
        """See :class:`FrameSource`."""
        with self._lock:
            size = items = 0
            while self._frames:
                following = self._frames[0]
                size += len(following.payload)
                items += following.items
                if self._in_flight and (size > max_bytes or items > max_items):
                    size -= len(following.payload)
                    break
                self._in_flight.append(self._frames.popleft())
            self._bytes -= size
            self._in_flight_bytes = size
            return list(self._in_flight)

    def settle(self) -> None:
        """See :class:`FrameSource`."""
        with self._lock:
            self._in_flight.clear()
            self._in_flight_bytes = 0

    def give_back(self) -> None:
        """See :class:`FrameSource`."""
        with self._lock:
            self._frames.extendleft(reversed(self._in_flight))
            self._bytes += self._in_flight_bytes
            self._in_flight.clear()
            self._in_flight_bytes = 0

    def drain(self) -> list[Frame]:
        """Everything that waits, taken away (what is in flight stays)."""
        with self._lock:
            frames = list(self._frames)
            self._frames.clear()
            self._bytes = 0
            return frames
