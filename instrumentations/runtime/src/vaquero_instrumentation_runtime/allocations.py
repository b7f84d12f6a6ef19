"""Memory by source line, through ``tracemalloc``, on request."""

from __future__ import annotations

import tracemalloc
from typing import Any, Final, NamedTuple

TOP: Final = 10


class LineGrowth(NamedTuple):
    """Bytes that a line holds more than when watching began."""

    file: str
    line: int
    grown: int


class TracedMemory:
    """Runs ``tracemalloc`` and compares with its first snapshot."""

    def __init__(self) -> None:
        self._started_here = False
        self._first: Any = None

    def start(self) -> None:
        """Begin to trace, unless the application does already."""
        if not tracemalloc.is_tracing():
            tracemalloc.start()
            self._started_here = True
        self._first = _snapshot()

    def stop(self) -> None:
        """End tracing, if it was begun here."""
        self._first = None
        if self._started_here:
            self._started_here = False
            tracemalloc.stop()

    def size(self) -> int:
        """Bytes traced at the moment."""
        return tracemalloc.get_traced_memory()[0]

    def growth(self) -> tuple[LineGrowth, ...]:
        """The lines that grew most since the start; walks every traced block."""
        if self._first is None or not tracemalloc.is_tracing():
            return ()
        changes = _snapshot().compare_to(self._first, "lineno")
        grown = sorted(changes, key=lambda change: -change.size_diff)[:TOP]
        return tuple(
            LineGrowth(c.traceback[0].filename, c.traceback[0].lineno, c.size_diff)
            for c in grown
            if c.size_diff > 0
        )


def _snapshot() -> tracemalloc.Snapshot:
    return tracemalloc.take_snapshot().filter_traces(
        (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, __file__))
    )
