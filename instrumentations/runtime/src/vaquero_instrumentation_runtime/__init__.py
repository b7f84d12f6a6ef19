"""Gauges of the Python runtime for OpenTelemetry: collection, event loops, thread pools."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Histogram
from vaquero_instrumentation_common import (
    GaugePlan,
    Resolved,
    Session,
    Source,
    TableInstrumentor,
    UnsupportedReadingError,
)

from vaquero_instrumentation_runtime import table
from vaquero_instrumentation_runtime.discovery import Discovery
from vaquero_instrumentation_runtime.garbage import GcReading, GcWatch
from vaquero_instrumentation_runtime.loops import LoopReading, LoopWatcher
from vaquero_instrumentation_runtime.pools import PoolReading, PoolWatch
from vaquero_instrumentation_runtime.settings import ALL
from vaquero_instrumentation_runtime.table import runtime_rows

if TYPE_CHECKING:
    import asyncio

    from vaquero_instrumentation_runtime.allocations import TracedMemory

__all__ = ["RuntimeInstrumentor", "watch_loop"]

_GC_BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
              0.25, 0.5, 1.0)  # fmt: skip
_WAIT_BOUNDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GROWTH_REFRESH_S = 60.0


class _Watches:
    """What runs in the process while the package is instrumented."""

    def __init__(self, config: Resolved, log: Any) -> None:
        self.garbage = GcWatch()
        self.loops = LoopWatcher(config["blocked_after_s"], config["window_s"], log)
        self.discovery = Discovery(self.loops.running)
        self.pools = PoolWatch()
        self.traced = _traced() if "tracemalloc" in config["runtime_detail"] else None
        self.pauses: Histogram | None = None
        self.waits: Histogram | None = None

    def start(self) -> None:
        self.garbage.start()
        self.pools.start()
        self.discovery.start()
        if self.traced is not None:
            self.traced.start()

    def stop(self) -> None:
        self.garbage.stop()
        self.pools.stop()
        self.discovery.stop()
        self.loops.stop()
        if self.traced is not None:
            self.traced.stop()

    def read_garbage(self) -> GcReading:
        if self.pauses is not None:
            record = self.pauses.record
            self.garbage.drain(lambda took, gen: record(took, table.GENERATIONS[gen]))
        return self.garbage.read()

    def read_pools(self) -> PoolReading | None:
        if self.waits is not None:
            self.pools.drain(self.waits.record)
        return self.pools.read()

    def read_loops(self) -> LoopReading:
        return self.loops.read()

    def sources(self) -> tuple[Source[Any], ...]:
        def own(name: str, read: Callable[[], Any], **more: Any) -> Source[Any]:
            return Source(name, read, per_process=True, **more)

        loops, pools, garbage = self.loops, self.pools, self.garbage
        found = [
            own(table.GARBAGE, self.read_garbage, windowed=True, on_fork=garbage.forget_parent),
            own(table.BLOCKS, _allocated_blocks),
            own(table.LOOPS, self.read_loops, windowed=True, on_fork=loops.forget_parent),
            own(table.BLOCKED, lambda: dict(loops.blocked) or None),
            own(table.POOLS, self.read_pools, on_fork=pools.forget_parent),
        ]
        if self.traced is not None:
            found.append(own(table.TRACED, self.traced.size))
            found.append(own(table.GROWTH, self.traced.growth, refresh_s=_GROWTH_REFRESH_S))
        return tuple(found)


class RuntimeInstrumentor(TableInstrumentor):
    """Emits garbage collection, event loops and thread pools of this interpreter.

    Event loops of asyncio and uvloop are found by themselves; ``watch_loop`` is for a loop that
    is not (another implementation).
    """

    package = "runtime"
    settings = ALL
    _watches: _Watches | None = None

    def plan(self, config: Resolved) -> GaugePlan:
        """Return the rows and sources for these settings."""
        self._watches = _Watches(config, self.log)
        return GaugePlan(runtime_rows(config["runtime_detail"]), self._watches.sources())

    def on_start(self, session: Session) -> None:
        """Make the histograms and set the hooks."""
        watches = self._watches
        if watches is None:
            return
        wanted = {row.name: row for row in session.rows}
        watches.pauses = _histogram(session, wanted.get(table.GC_PAUSE), _GC_BOUNDS)
        watches.waits = _histogram(session, wanted.get(table.POOL_WAIT), _WAIT_BOUNDS)
        watches.start()

    def on_stop(self, session: Session) -> None:
        """Take the hooks back."""
        watches, self._watches = self._watches, None
        if watches is not None:
            watches.stop()

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a running loop, from any thread; nothing happens while not instrumented."""
        watches = self._watches
        if watches is not None:
            loop.call_soon_threadsafe(watches.loops.running, loop)


def watch_loop(loop: asyncio.AbstractEventLoop | None = None) -> bool:
    """Watch an event loop that was not found by itself.

    Args:
        loop: The loop; None for the one that runs in this thread.

    Returns:
        Whether it is watched: False while the package is not instrumented, when no loop runs
        here, or when the loop is closed. Never raises.
    """
    instrumentor = RuntimeInstrumentor()
    if instrumentor.session is None:
        return False
    try:
        if loop is None:
            from asyncio import get_running_loop

            loop = get_running_loop()
        instrumentor.watch(loop)
    except RuntimeError:
        return False
    return True


def _histogram(session: Session, row: Any, bounds: tuple[float, ...]) -> Histogram | None:
    if row is None:
        return None
    return session.meter.create_histogram(
        row.name,
        unit=row.unit,
        description=row.description,
        explicit_bucket_boundaries_advisory=bounds,
    )


def _traced() -> TracedMemory:
    from vaquero_instrumentation_runtime.allocations import TracedMemory

    return TracedMemory()


def _allocated_blocks() -> int:
    if not hasattr(sys, "getallocatedblocks"):
        raise UnsupportedReadingError("this interpreter does not count its blocks")
    return sys.getallocatedblocks()
