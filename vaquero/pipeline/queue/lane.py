"""A lane: one signal on its way to one destination, from encoded request to acknowledgement."""

from __future__ import annotations

import itertools
import os
import threading
import time
from typing import TYPE_CHECKING

from vaquero import _log
from vaquero.pipeline.spool.frame import Frame
from vaquero.pipeline.spool.memory import FrameSource, MemoryStore

if TYPE_CHECKING:
    from vaquero.pipeline.settings import Destination, Signal
    from vaquero.pipeline.spool.adoption import Adopter
    from vaquero.pipeline.spool.disk import DiskStore
    from vaquero.pipeline.stats import Ledger
    from vaquero.pipeline.transport.retry import Breaker

#: How long a disk that failed is left alone before it is tried again.
DISK_PAUSE_S = 60.0


class Lane:
    """Frames of one signal: appended by the writer (or a caller, when full), read by the sender.

    Args:
        signal: The signal.
        destination: Where it goes.
        ledger: Where losses are counted.
        memory_max_bytes: Bound of what waits in memory.
        breaker: The state of the destination's host.

    Attributes:
        disk: The spool of this process; None where nothing may be spooled.
        adopter: Finds spools of ended processes with the same destination.
    """

    def __init__(
        self,
        signal: Signal,
        destination: Destination,
        ledger: Ledger,
        memory_max_bytes: int,
        breaker: Breaker,
    ) -> None:
        self.signal: Signal = signal
        self.destination = destination
        self.breaker = breaker
        self.disk: DiskStore | None = None
        self.adopter: Adopter | None = None
        self._ledger = ledger
        self.memory = MemoryStore(memory_max_bytes, self._pushed_out)
        self.reset()

    def reset(self) -> None:
        """As new: for a forked child, whose parent keeps and sends what it had."""
        self._lock = threading.Lock()
        self._ids = itertools.count(int.from_bytes(os.urandom(5), "little") << 24)
        self.taken = 0
        self.done = 0
        #: When the oldest frame that nobody has sent was appended, monotonic; None for none.
        self.since_s: float | None = None
        self._disk_again_s = 0.0
        self.memory.reset()
        if self.disk is not None:
            self.disk.reset()
        if self.adopter is not None:
            self.adopter.reset()

    @property
    def waiting_bytes(self) -> int:
        """Bytes of this process's frames that are not settled."""
        on_disk = self.disk.waiting_bytes if self.disk is not None else 0
        return on_disk + self.memory.waiting_bytes

    @property
    def spool_bytes(self) -> int:
        """Bytes on disk that are not settled, those of adopted spools included."""
        own = self.disk.waiting_bytes if self.disk is not None else 0
        adopted = self.adopter.sources() if self.adopter is not None else []
        return own + sum(source.waiting_bytes for source in adopted)

    def append(self, payload: bytes, items: int, traces: int = 0) -> None:
        """Take an encoded request. Called by any thread; holds no lock over I/O."""
        frame_id = next(self._ids) & (1 << 64) - 1
        frame = Frame(self.signal, items, int(time.time()), frame_id, payload, traces)
        with self._lock:
            self.taken += items
        if not self._spooled(frame):
            self.memory.append(frame)
        if self.since_s is None:
            self.since_s = time.monotonic()

    def _spooled(self, frame: Frame) -> bool:
        disk = self.disk
        if disk is None or time.monotonic() < self._disk_again_s:
            return False
        try:
            disk.append(frame)
        except (OSError, NotImplementedError) as error:
            self._disk_again_s = time.monotonic() + DISK_PAUSE_S
            _log.warn(
                "spool:write",
                "vaquero cannot write its spool (%s): spans wait in memory, at most %d MiB.",
                getattr(error, "strerror", None) or type(error).__name__,
                self.memory.max_bytes // 1048576,
            )
            return False
        return True

    def sources(self) -> list[FrameSource]:
        """Where the next request may come from: own frames first, then adopted ones."""
        found: list[FrameSource] = []
        if self.disk is not None and self.disk.waiting_bytes:
            found.append(self.disk)
        if self.memory.waiting_bytes:
            found.append(self.memory)
        if self.adopter is not None:
            found += self.adopter.sources()
        return found

    def settle(self, items: int) -> None:
        """Count own items that need no more work."""
        with self._lock:
            self.done += items

    @property
    def may_have_orphans(self) -> bool:
        """Whether ended processes may have left something for this destination."""
        return self.adopter is not None and self.adopter.may_find()

    @property
    def has_adopted(self) -> bool:
        """Whether something adopted waits."""
        return self.adopter is not None and self.adopter.has_more

    def use_spool(self, disk: DiskStore, adopter: Adopter) -> None:
        """Keep frames on disk from now on."""
        self.disk = disk
        self.adopter = adopter

    def close(self) -> None:
        """Give the folders up; what is in them is adopted by the next process."""
        if self.adopter is not None:
            self.adopter.close()
        if self.disk is not None:
            self.disk.close()

    def lost(self, items: int, reason: str) -> None:
        """Count own items that a store had to give up."""
        self._ledger.drop(self.signal, reason, items)
        self.settle(items)

    def _pushed_out(self, frame: Frame) -> None:
        self.lost(frame.items, "memory_full")
        _log.warn(
            "memory:full",
            "vaquero drops the oldest %s: the backend is away and no more than %d MiB may wait.",
            self.signal,
            self.memory.max_bytes // 1048576,
        )
