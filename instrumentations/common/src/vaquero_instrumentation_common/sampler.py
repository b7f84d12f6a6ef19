"""The sampler: one snapshot per cycle, the same for every instrument and every reader.

A *cycle* is one pass of a metric reader over its instruments: it ends when a row is asked a
second time by the same thread. The first row of a cycle makes the snapshot, sources being read
when first needed; a snapshot younger than ``share_s`` serves other readers too. Utilisations
and rates are differences against a reading that is at least ``window_s`` old (the oldest there
is, until then), so readers with different intervals agree.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final, Generic, TypeVar

from vaquero_instrumentation_common.guard import ReadingGuard

T = TypeVar("T")

SHARE_S: Final = 0.1
CYCLE_S: Final = 2.0
MIN_ELAPSED_S: Final = 0.05
_MAX_THREADS: Final = 64


class Source(Generic[T]):
    """A place where readings come from.

    Attributes:
        name: Unique within a sampler; appears in log lines.
        read: Returns one reading; may raise, the guard sees to it.
        windowed: Whether differences over the window are wanted of it.
        per_process: Whether the reading is of this process, so that a child starts from zero.
        on_fork: Called in a forked child before its baseline is taken; must not block.
        refresh_s: Age up to which a reading is used again (for what is slow and hardly moves).
    """

    __slots__ = ("name", "on_fork", "per_process", "read", "refresh_s", "windowed")

    def __init__(
        self,
        name: str,
        read: Callable[[], T],
        windowed: bool = False,
        per_process: bool = False,
        refresh_s: float = 0.0,
        on_fork: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.read = read
        self.windowed = windowed
        self.per_process = per_process
        self.refresh_s = refresh_s
        self.on_fork = on_fork


class Reading(Generic[T]):
    """One reading of a source, with the older one it is compared to.

    Attributes:
        now: The reading.
        then: The older reading, or None when there is none that is usefully older.
        elapsed_s: Seconds between the two, 0.0 without ``then``.
    """

    __slots__ = ("elapsed_s", "now", "then")

    def __init__(self, now: T, then: T | None = None, elapsed_s: float = 0.0) -> None:
        self.now = now
        self.then = then
        self.elapsed_s = elapsed_s


_NOT_READ: Final[Reading[Any]] = Reading(None)


class _Snapshot:
    __slots__ = ("at", "open", "readings")

    def __init__(self, at: float, is_open: bool) -> None:
        self.at = at
        self.open = is_open
        self.readings: dict[str, Reading[Any] | None] = {}


class _Cycle:
    __slots__ = ("asked", "snapshot", "started")

    def __init__(self, snapshot: _Snapshot, started: float) -> None:
        self.snapshot = snapshot
        self.started = started
        self.asked: set[Hashable] = set()


_thread_id = threading.get_ident
_living: weakref.WeakSet[Sampler] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for sampler in list(_living):
        sampler.restart_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class Sampler:
    """Serves readings to the callbacks of one package.

    Args:
        sources: What can be read.
        guard: Keeps failures apart.
        window_s: Least span of differences, where the history reaches that far.
        share_s: Age up to which a snapshot serves another reader.
        clock: Seconds, monotonic.
        pid: This process; asked once per cycle.
        gate: Asked once per snapshot; while it says False nothing is served.
    """

    def __init__(
        self,
        sources: Iterable[Source[Any]],
        guard: ReadingGuard,
        *,
        window_s: float = 10.0,
        share_s: float = SHARE_S,
        clock: Callable[[], float] = time.monotonic,
        pid: Callable[[], int] = os.getpid,
        gate: Callable[[], bool] | None = None,
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._guard = guard
        self._window_s = window_s
        self._share_s = share_s
        self._clock = clock
        self._getpid = pid
        self._gate = gate
        self._was_open: bool | None = None
        self._lock = threading.Lock()
        self._pid = pid()
        self._snapshot: _Snapshot | None = None
        self._cycles: dict[int, _Cycle] = {}
        self._history: dict[str, deque[tuple[float, Any]]] = {}
        self._kept: dict[str, tuple[float, Any]] = {}
        _living.add(self)

    def start(self, names: Iterable[str] | None = None) -> None:
        """Take the baseline of the windowed sources (all, or those named)."""
        with self._lock:
            self._baseline(self._sources if names is None else names)

    def stop(self) -> None:
        """Serve nothing more and stay out of forked children."""
        _living.discard(self)

    def reading(self, row: Hashable, source: str) -> Reading[Any] | None:
        """Return the reading of ``source`` that belongs to the current cycle.

        Args:
            row: Who asks; the same row asked again is the next cycle.
            source: Name of a source.

        Returns:
            None while the gate is shut, or the source failed or is put aside.
        """
        thread = _thread_id()
        cycle = self._cycles.get(thread)
        if cycle is None or row in cycle.asked or self._clock() - cycle.started > CYCLE_S:
            cycle = self._begin(thread)
        cycle.asked.add(row)
        snapshot = cycle.snapshot
        if not snapshot.open:
            return None
        reading = snapshot.readings.get(source, _NOT_READ)
        return self._read(snapshot, source) if reading is _NOT_READ else reading

    def _begin(self, thread: int) -> _Cycle:
        with self._lock:
            if self._pid != self._getpid():
                self._forget_parent()
            now = self._clock()
            snapshot = self._snapshot
            if snapshot is None or not 0.0 <= now - snapshot.at <= self._share_s:
                snapshot = self._snapshot = _Snapshot(now, self._ask_gate())
            if len(self._cycles) >= _MAX_THREADS:
                self._cycles.clear()
            cycle = self._cycles[thread] = _Cycle(snapshot, now)
            return cycle

    def _ask_gate(self) -> bool:
        if self._gate is None:
            return True
        is_open = self._gate()
        if is_open and self._was_open is False:
            # What was read before others took over is no baseline: the span would be too long.
            self._history.clear()
        self._was_open = is_open
        return is_open

    def _read(self, snapshot: _Snapshot, name: str) -> Reading[Any] | None:
        with self._lock:
            if name not in snapshot.readings:
                snapshot.readings[name] = self._fresh(name)
            return snapshot.readings[name]

    def _fresh(self, name: str) -> Reading[Any] | None:
        source = self._sources[name]
        if source.refresh_s:
            kept = self._kept.get(name)
            if kept is not None and self._clock() - kept[0] < source.refresh_s:
                return Reading(kept[1])
        value = self._guard.call(name, source.read)
        if value is None:
            return None
        at = self._clock()
        if source.refresh_s:
            self._kept[name] = (at, value)
        if not source.windowed:
            return Reading(value)
        return self._compared(name, at, value)

    def _compared(self, name: str, at: float, value: Any) -> Reading[Any]:
        """Compare with the youngest reading that is a window old, else the oldest; remember."""
        history = self._history.get(name)
        if history is None:
            history = self._history[name] = deque()
        while len(history) > 1 and at - history[1][0] >= self._window_s:
            history.popleft()
        reading: Reading[Any] = Reading(value)
        if history:
            elapsed = at - history[0][0]
            if elapsed >= MIN_ELAPSED_S:
                reading = Reading(value, history[0][1], elapsed)
        history.append((at, value))
        return reading

    def _baseline(self, names: Iterable[str]) -> None:
        for name in names:
            source = self._sources[name]
            if source.windowed and not self._history.get(name):
                value = self._guard.call(name, source.read)
                if value is not None:
                    self._history[name] = deque([(self._clock(), value)])

    def restart_in_child(self) -> None:
        """Start again in a forked child: new lock, own identity, own baseline."""
        self._lock = threading.Lock()
        with self._lock:
            self._forget_parent()

    def _forget_parent(self) -> None:
        self._pid = self._getpid()
        self._snapshot = None
        self._cycles.clear()
        own = [name for name, source in self._sources.items() if source.per_process]
        for name in own:
            forget = self._sources[name].on_fork
            if forget is not None:
                self._guard.call(name, forget)
        used = [name for name in own if self._history.pop(name, None) is not None]
        for name in own:
            self._kept.pop(name, None)
        self._baseline(used)
