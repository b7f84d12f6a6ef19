"""The metrics of the runtime: garbage collection and thread pools."""

from __future__ import annotations

import asyncio
import asyncio.events
import concurrent.futures
import gc
import json
import logging
import os
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from vaquero_instrumentation_common import COUNTER, GAUGE, HISTOGRAM, Reading
from vaquero_instrumentation_runtime import RuntimeInstrumentor
from vaquero_instrumentation_runtime.garbage import KEPT_PAUSES, GcReading, GcWatch, GenerationStats
from vaquero_instrumentation_runtime.pools import PoolWatch
from vaquero_instrumentation_runtime.settings import DETAIL
from vaquero_instrumentation_runtime.table import runtime_rows

from tests.support.waiting import wait_until

ROWS = runtime_rows(DETAIL.choices)
LOG = logging.getLogger("vaquero.instrumentation.runtime")
FULL = (("cpython.gc.generation", 2),)


class TestGarbage:
    def test_counts_and_pauses(self, start: Callable[..., Any]) -> None:
        """A collection is counted by the interpreter and its pause lands in the histogram."""
        provider = start(readers=2)
        before = gc.get_stats()[2]["collections"]
        for _ in range(3):
            gc.collect()
        points = provider.points(0)
        assert points["cpython.gc.collections"][FULL] == before + 3
        pause = points["vaquero.gc.pause"][FULL]
        assert pause.count >= 3
        assert 0 < pause.sum < 10
        assert set(points["cpython.gc.collected_objects"]) == {
            (("cpython.gc.generation", n),) for n in range(3)
        }
        # The other reader has them too, and none twice.
        assert provider.points(1)["vaquero.gc.pause"][FULL].count == pause.count

    def test_the_share_of_time(self, start: Callable[..., Any]) -> None:
        """Collecting all the time shows as a share near 1."""
        provider = start()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            gc.collect()
        share = provider.points()["vaquero.gc.share"][()]
        assert 0.3 < share <= 1.0

    def test_the_hook_takes_no_lock_of_the_sdk(self, start: Callable[..., Any]) -> None:
        """A collection that starts while an aggregation lock is held does not wait for it."""
        provider = start()
        histogram = RuntimeInstrumentor().session.meter.create_histogram("vaquero.gc.pause")
        provider.points()
        storage = next(iter(provider.provider._measurement_consumer._reader_storages.values()))
        match = storage._get_or_init_view_instrument_match(histogram)[0]
        done = threading.Event()

        def collect_under_lock() -> None:
            with match._lock:
                gc.collect()
            done.set()

        threading.Thread(target=collect_under_lock, daemon=True).start()
        assert done.wait(10)

    def test_a_bounded_memory(self) -> None:
        """Pauses between two cycles are bounded per generation; the time counts them all."""
        watch = GcWatch()
        hook = watch._hook
        for _ in range(KEPT_PAUSES * 2):
            hook("start", {"generation": 0})
            hook("stop", {"generation": 0})
        hook("start", {"generation": 2})
        hook("stop", {"generation": 2})
        drained: list[int] = []
        watch.drain(lambda _, generation: drained.append(generation))
        assert (drained.count(0), drained.count(2)) == (KEPT_PAUSES, 1)
        assert watch.read().paused_s > 0

    def test_uninstrument_removes_every_hook(self, start: Callable[..., Any]) -> None:
        """After uninstrument() the interpreter is as it was."""
        before = (list(gc.callbacks), asyncio.events._set_running_loop,
                  concurrent.futures.ThreadPoolExecutor.submit)  # fmt: skip
        start()
        assert len(gc.callbacks) == len(before[0]) + 1
        assert asyncio.events._set_running_loop is not before[1]
        RuntimeInstrumentor().uninstrument()
        after = (list(gc.callbacks), asyncio.events._set_running_loop,
                 concurrent.futures.ThreadPoolExecutor.submit)  # fmt: skip
        assert after == before

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_a_child_counts_its_own(self, start: Callable[..., Any]) -> None:
        """A forked child reports its own collections only."""
        provider = start()
        for _ in range(20):
            gc.collect()
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                gc.collect()
                count = provider.points()["cpython.gc.collections"][FULL]
                os.write(write_end, json.dumps(count).encode())
            finally:
                os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            assert 1 <= json.load(pipe) < 10
        os.waitpid(pid, 0)


class TestPools:
    def test_queue_and_wait(self, start: Callable[..., Any]) -> None:
        """A pool of one thread with three calls: one runs, two wait, their waits are told."""
        provider = start()
        release = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            calls = [pool.submit(release.wait, 10) for _ in range(3)]
            points = wait_until(
                lambda: (p := provider.points())["vaquero.threadpool.queue"] == {(): 2} and p,
                "two calls that wait",
            )
            assert points["vaquero.threadpool.threads"][()] == 1
            release.set()
            assert all(call.result() for call in calls)
        time.sleep(0.11)  # Past the age at which a snapshot serves again.
        assert provider.points()["vaquero.threadpool.wait"][()].count == 3

    def test_submit_keeps_its_face(self, start: Callable[..., Any]) -> None:
        """Arguments, results and exceptions pass; another's wrapper over ours stays."""
        start()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda a, *, fn: (a, fn), 1, fn=2).result() == (1, 2)
            with pytest.raises(ZeroDivisionError):
                pool.submit(lambda: 1 / 0).result()
        watch = PoolWatch()
        ours = concurrent.futures.ThreadPoolExecutor.submit
        watch.start()
        theirs = concurrent.futures.ThreadPoolExecutor.submit
        try:
            concurrent.futures.ThreadPoolExecutor.submit = lambda *a, **k: theirs(*a, **k)  # type: ignore[method-assign,misc]
            watch.stop()
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                assert pool.submit(abs, -1).result() == 1
        finally:
            concurrent.futures.ThreadPoolExecutor.submit = ours  # type: ignore[method-assign]


def test_tracemalloc_on_request(start: Callable[..., Any]) -> None:
    """The line that holds more than before is told; tracing ends with the instrumentation."""
    provider = start(runtime_detail="tracemalloc")
    held = [bytes(1000) for _ in range(1000)]
    points = provider.points()
    assert points["vaquero.tracemalloc.size"][()] > 1_000_000
    lines = {
        (dict(key)["code.file.path"], dict(key)["code.line.number"]): value
        for key, value in points["vaquero.tracemalloc.growth"].items()
    }
    line = test_tracemalloc_on_request.__code__.co_firstlineno + 3
    assert lines[__file__, line] >= 1_000_000
    assert len(lines) <= 10
    assert held
    RuntimeInstrumentor().uninstrument()
    assert not tracemalloc.is_tracing()


def test_exactly_the_table(start: Callable[..., Any]) -> None:
    """Everything at work, exactly the rows are emitted: kinds, units, attributes."""
    provider = start(runtime_detail="tracemalloc")
    held: list[bytes] = []

    async def work() -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, time.sleep, 0.01)
        time.sleep(0.25)
        await asyncio.sleep(0.3)
        held.append(bytes(100_000))
        gc.collect()
        provider.points()
        await asyncio.sleep(0.15)
        return provider.metrics()

    metrics = asyncio.run(work())
    # CPython has had nothing uncollectable since 3.4 unless an extension sees to it.
    rows = [row for row in ROWS if row.name != "cpython.gc.uncollectable_objects"]
    assert set(metrics) == {row.name for row in rows}
    for row in rows:
        metric = metrics[row.name]
        assert metric.unit == row.unit
        is_gauge = row.kind in (GAUGE, HISTOGRAM)
        assert getattr(metric.data, "is_monotonic", None) == (
            None if is_gauge else row.kind == COUNTER
        )
        seen = {key for p in metric.data.data_points for key in p.attributes}
        assert seen == set(row.attributes), row.name


def test_uncollectable_objects() -> None:
    """Generations with uncollectable objects are told, the others are not."""
    (row,) = [row for row in ROWS if row.name == "cpython.gc.uncollectable_objects"]
    stats = GenerationStats(1, 2, 0), GenerationStats(1, 2, 3)
    assert [(p.value, p.attributes) for p in row.read(Reading(GcReading(stats, 0.0)))] == [
        (3, {"cpython.gc.generation": 1})
    ]


def test_conventions(conventions: dict[str, tuple[str, str]], convention_keys: set[str]) -> None:
    """Names, kinds, units and attribute keys are those of the newest conventions installed."""
    for row in ROWS:
        if row.name.startswith("cpython."):
            assert conventions[row.name] == (row.kind, row.unit), row.name
        else:
            assert row.name.startswith("vaquero.")
        assert set(row.attributes) <= convention_keys, row.name
