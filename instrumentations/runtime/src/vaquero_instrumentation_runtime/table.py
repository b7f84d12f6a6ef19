"""The metric table of the Python runtime: one row per metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import Observation
from vaquero_instrumentation_common import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    UP_DOWN_COUNTER,
    MetricRow,
    Points,
    Reading,
)
from vaquero_instrumentation_common.table import NOTHING

from vaquero_instrumentation_runtime.garbage import GcReading
from vaquero_instrumentation_runtime.loops import LoopReading
from vaquero_instrumentation_runtime.pools import PoolReading
from vaquero_instrumentation_runtime.stacks import Site

if TYPE_CHECKING:
    from vaquero_instrumentation_runtime.allocations import LineGrowth

GARBAGE: Final = "runtime garbage collection"
BLOCKS: Final = "runtime allocated blocks"
LOOPS: Final = "runtime event loops"
BLOCKED: Final = "runtime blocked event loops"
POOLS: Final = "runtime thread pools"
TRACED: Final = "runtime traced memory"
GROWTH: Final = "runtime traced growth"

GC_PAUSE: Final = "vaquero.gc.pause"
POOL_WAIT: Final = "vaquero.threadpool.wait"
GENERATION: Final = "cpython.gc.generation"

_SITE: Final = ("code.function.name", "code.file.path", "code.line.number")
GENERATIONS: Final = tuple({GENERATION: number} for number in range(8))


def runtime_rows(detail: tuple[str, ...] = ()) -> tuple[MetricRow, ...]:
    """Return the rows that are emitted with these words of ``runtime_detail``."""
    return tuple(row for row in _ROWS if not row.detail or row.detail in detail)


def _generations(field: str) -> Callable[[Reading[GcReading]], Points]:
    pick = attrgetter(field)

    def read(reading: Reading[GcReading]) -> Points:
        rows = zip(reading.now.generations, GENERATIONS, strict=False)
        return [Observation(pick(row), attributes) for row, attributes in rows]

    return read


def _uncollectable(reading: Reading[GcReading]) -> Points:
    rows = zip(reading.now.generations, GENERATIONS, strict=False)
    return [Observation(row.uncollectable, attrs) for row, attrs in rows if row.uncollectable]


def _gc_share(reading: Reading[GcReading]) -> Points:
    then = reading.then
    if then is None:
        return NOTHING
    return (Observation((reading.now.paused_s - then.paused_s) / reading.elapsed_s),)


def _number(reading: Reading[int]) -> Points:
    return (Observation(reading.now),)


def _lag(reading: Reading[LoopReading]) -> Points:
    return (Observation(reading.now.lag_s),) if reading.now.ran else NOTHING


def _loop_share(reading: Reading[LoopReading]) -> Points:
    now, then = reading.now, reading.then
    if not now.ran or now.busy_s is None or then is None or then.busy_s is None:
        return NOTHING
    return (Observation(max(0.0, now.busy_s - then.busy_s) / reading.elapsed_s),)


def _tasks(reading: Reading[LoopReading]) -> Points:
    return (Observation(reading.now.tasks),) if reading.now.ran else NOTHING


def _blocked(reading: Reading[Mapping[Site, int]]) -> Points:
    return [
        Observation(count, dict(zip(_SITE, site, strict=True)))
        for site, count in reading.now.items()
    ]


def _queued(reading: Reading[PoolReading]) -> Points:
    return (Observation(reading.now.queued),)


def _threads(reading: Reading[PoolReading]) -> Points:
    return (Observation(reading.now.threads),)


def _grown(reading: Reading[tuple[LineGrowth, ...]]) -> Points:
    return [
        Observation(row.grown, {"code.file.path": row.file, "code.line.number": row.line})
        for row in reading.now
    ]


def _recorded(reading: Reading[Any]) -> Points:
    """A histogram is recorded when its source is read; its row makes no points."""
    return NOTHING


_ROWS: Final = (
    MetricRow("cpython.gc.collections", COUNTER, "{collection}", "Collections run.",
              (GENERATION,), GARBAGE, _generations("collections"), "gc.get_stats"),
    MetricRow("cpython.gc.collected_objects", COUNTER, "{object}", "Objects collected.",
              (GENERATION,), GARBAGE, _generations("collected"), "gc.get_stats"),
    MetricRow("cpython.gc.uncollectable_objects", COUNTER, "{object}",
              "Objects found that cannot be collected; nothing while there are none.",
              (GENERATION,), GARBAGE, _uncollectable, "gc.get_stats"),
    MetricRow(GC_PAUSE, HISTOGRAM, "s", "Time that a collection stopped the program.",
              (GENERATION,), GARBAGE, _recorded, "gc.callbacks; handed on at the next cycle"),
    MetricRow("vaquero.gc.share", GAUGE, "1", "Share of the window spent in collections.",
              (), GARBAGE, _gc_share, "gc.callbacks"),
    MetricRow("vaquero.python.allocated_blocks", UP_DOWN_COUNTER, "{block}",
              "Memory blocks that the interpreter has handed out.",
              (), BLOCKS, _number, "sys.getallocatedblocks"),
    MetricRow("vaquero.eventloop.lag", GAUGE, "s",
              "Longest time within the window for which a loop ran callbacks without looking for "
              "what else was due.",
              (), LOOPS, _lag, "the loop's selector; uvloop: a callback sent from outside"),
    MetricRow("vaquero.eventloop.utilization", GAUGE, "1",
              "Share of the window for which loops ran callbacks, loops added up; not for uvloop.",
              (), LOOPS, _loop_share, "the loop's selector"),
    MetricRow("vaquero.eventloop.tasks", UP_DOWN_COUNTER, "{task}",
              "Tasks of asyncio that are not done.",
              (), LOOPS, _tasks, "asyncio's own list"),
    MetricRow("vaquero.eventloop.blocked", COUNTER, "{event}",
              "Times that a loop was blocked, by the line that held it.",
              _SITE, BLOCKED, _blocked, "watchdog thread, sys._current_frames"),
    MetricRow("vaquero.threadpool.threads", UP_DOWN_COUNTER, "{thread}",
              "Threads of all thread pools.",
              (), POOLS, _threads, "concurrent.futures"),
    MetricRow("vaquero.threadpool.queue", UP_DOWN_COUNTER, "{task}",
              "Calls that wait for a thread in all thread pools.",
              (), POOLS, _queued, "concurrent.futures"),
    MetricRow(POOL_WAIT, HISTOGRAM, "s", "Time that a call waited for a thread.",
              (), POOLS, _recorded, "wrapper around ThreadPoolExecutor.submit"),
    MetricRow("vaquero.tracemalloc.size", UP_DOWN_COUNTER, "By", "Memory that tracemalloc traces.",
              (), TRACED, _number, "tracemalloc", "tracemalloc"),
    MetricRow("vaquero.tracemalloc.growth", UP_DOWN_COUNTER, "By",
              "Growth since the start of the ten lines that grew most.",
              ("code.file.path", "code.line.number"), GROWTH, _grown,
              "tracemalloc snapshots, once a minute", "tracemalloc"),
)  # fmt: skip
