"""Garbage collection: counts by the interpreter, pauses by a hook that only stores numbers.

The hook runs inside the collector, which can start at any allocation, also one made while a
lock of the metrics SDK is held: recording from it deadlocks. So it takes the time, and the
sampler hands the pauses on in its next cycle.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

KEPT_PAUSES: Final = 512


class GenerationStats(NamedTuple):
    """Counts of one generation since the process began."""

    collections: int
    collected: int
    uncollectable: int


class GcReading(NamedTuple):
    """Counts per generation, and the seconds spent collecting since the hook was set."""

    generations: tuple[GenerationStats, ...]
    paused_s: float


class GcWatch:
    """Counts and times collections.

    Args:
        clock: Seconds; called twice per collection.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        generations = len(gc.get_stats())
        self._paused: list[float] = [0.0]
        # Per generation: frequent young ones must not push out the rare and long old ones.
        self._pauses: tuple[deque[float], ...] = tuple(
            deque(maxlen=KEPT_PAUSES) for _ in range(generations)
        )
        self._base: tuple[GenerationStats, ...] = ()
        self._hook = _hook(self._paused, self._pauses, clock)

    def start(self) -> None:
        """Set the hook."""
        if self._hook not in gc.callbacks:
            gc.callbacks.append(self._hook)

    def stop(self) -> None:
        """Remove the hook."""
        if self._hook in gc.callbacks:
            gc.callbacks.remove(self._hook)

    def forget_parent(self) -> None:
        """In a forked child: count from here, the parent reports its own."""
        self._base = _stats()
        self._paused[0] = 0.0
        for pauses in self._pauses:
            pauses.clear()

    def read(self) -> GcReading:
        """Read the counts."""
        found = _stats()
        if self._base:
            found = tuple(
                GenerationStats(now[0] - then[0], now[1] - then[1], now[2] - then[2])
                for now, then in zip(found, self._base, strict=True)
            )
        return GcReading(found, self._paused[0])

    def drain(self, record: Callable[[float, int], None]) -> None:
        """Hand on (seconds, generation) of each pause since the last time.

        At most ``KEPT_PAUSES`` of each generation are kept between two cycles; ``paused_s``
        counts all.
        """
        for generation, pauses in enumerate(self._pauses):
            for _ in range(len(pauses)):
                record(pauses.popleft(), generation)


def _hook(
    paused: list[float], pauses: tuple[deque[float], ...], clock: Callable[[], float]
) -> Callable[[str, dict[str, Any]], None]:
    began = 0.0
    appends = tuple(kept.append for kept in pauses)

    def hook(phase: str, info: dict[str, Any]) -> None:
        nonlocal began
        if phase == "start":
            began = clock()
        elif began:
            took = clock() - began
            paused[0] += took
            appends[info["generation"]](took)

    return hook


def _stats() -> tuple[GenerationStats, ...]:
    return tuple(
        GenerationStats(row["collections"], row["collected"], row["uncollectable"])
        for row in gc.get_stats()
    )
