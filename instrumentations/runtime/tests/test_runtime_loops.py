"""The metrics of event loops: how long they are held, and by what."""

from __future__ import annotations

import asyncio
import asyncio.events
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from vaquero_instrumentation_runtime import RuntimeInstrumentor, watch_loop
from vaquero_instrumentation_runtime.loops import MAX_SITES, OTHER, LoopWatcher
from vaquero_instrumentation_runtime.stacks import Culprit, Site, culprit

from tests.support.waiting import wait_until

LOG = logging.getLogger("vaquero.instrumentation.runtime")


async def _held(seconds: float) -> None:
    await asyncio.sleep(0.3)
    time.sleep(seconds)
    await asyncio.sleep(0.3)


HELD_LINE = _held.__code__.co_firstlineno + 2


class TestLoops:
    def test_a_blocking_call_is_reported_with_its_line(
        self, start: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        """200 ms in a coroutine: lag, counter with file, line and function, and one log line."""
        provider = start()
        asyncio.run(_held(0.2))
        points = provider.points()
        assert points["vaquero.eventloop.lag"][()] >= 0.2
        assert 0 < points["vaquero.eventloop.utilization"][()] < 1
        sites = [dict(key) for key in points["vaquero.eventloop.blocked"]]
        assert {
            "code.file.path": __file__,
            "code.line.number": HELD_LINE,
            "code.function.name": f"{__name__}._held",
        } in sites
        wait_until(lambda: "An event loop was blocked" in caplog.text, "the line")
        assert f"{__file__}:{HELD_LINE}" in caplog.text

    def test_an_idle_loop_is_no_culprit(self, start: Callable[..., Any], caplog: Any) -> None:
        """Waiting is not blocking."""
        provider = start()

        async def idle() -> dict[str, Any]:
            await asyncio.sleep(0.5)
            return provider.points()

        points = asyncio.run(idle())
        assert "vaquero.eventloop.blocked" not in points
        assert points["vaquero.eventloop.tasks"][()] >= 1
        assert "blocked" not in caplog.text

    def test_tasks_that_are_done_do_not_count(self, start: Callable[..., Any]) -> None:
        """Three that wait and this one; those done and still held are not among them."""
        provider = start()

        async def run() -> tuple[int, int]:
            done = [asyncio.create_task(asyncio.sleep(0)) for _ in range(5)]
            waiting = [asyncio.create_task(asyncio.sleep(60)) for _ in range(3)]
            await asyncio.sleep(0.01)
            # A server of another test may run a loop in this process: its tasks count too.
            watches = RuntimeInstrumentor()._watches.loops._watches
            others = [watches[thread].loop for thread in watches.keys() - {threading.get_ident()}]
            count = provider.points()["vaquero.eventloop.tasks"][()]
            count -= sum(len(asyncio.all_tasks(loop)) for loop in others if loop is not None)
            for task in waiting:
                task.cancel()
            return count, len(done)

        assert asyncio.run(run()) == (4, 5)

    def test_no_loop_no_points(self, start: Callable[..., Any]) -> None:
        """A program without an event loop has no such series."""
        provider = start()
        # A server of another test may run a loop in this process; it is not looked at.
        loops = RuntimeInstrumentor()._watches.loops
        loops._watches.clear()
        loops._lags.clear()
        assert not [name for name in provider.points() if name.startswith("vaquero.eventloop")]

    def test_a_loop_that_runs_already_is_found(self, start: Callable[..., Any]) -> None:
        """Instrumenting later finds the loops of all threads."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        provider = start()
        wait_until(lambda: "vaquero.eventloop.lag" in provider.points(), "the lag")
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

    def test_loops_of_several_threads(self, start: Callable[..., Any]) -> None:
        """Each thread's loop is watched; after its end nothing is left of it."""
        start()
        watcher = RuntimeInstrumentor()._watches.loops

        def other() -> None:
            asyncio.run(_held(0.2))

        threads = [threading.Thread(target=other) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(watcher.blocked.values()) == 2
        assert not watcher._watches.keys() & {thread.ident for thread in threads}

    def test_uninstrument_in_a_running_loop(self, start: Callable[..., Any]) -> None:
        """The selector is given back while the loop runs on."""
        start()

        async def run() -> bool:
            selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
            wrapped = "select" in selector.__dict__
            RuntimeInstrumentor().uninstrument()
            await asyncio.sleep(0.01)
            return wrapped and "select" not in selector.__dict__

        assert asyncio.run(run())

    def test_no_search_for_blocks(self, start: Callable[..., Any]) -> None:
        """With 0 as the time allowed no watchdog runs; lag is still told."""
        provider = start(blocked_after_s=0)
        asyncio.run(_held(0.05))
        assert RuntimeInstrumentor()._watches.loops._thread is None
        assert provider.points()["vaquero.eventloop.lag"][()] >= 0.05

    def test_watch_loop_never_raises(self, start: Callable[..., Any]) -> None:
        """Without a loop, with a closed one, and while not instrumented: False."""
        assert watch_loop() is False
        start()
        assert watch_loop() is False
        loop = asyncio.new_event_loop()
        loop.close()
        assert watch_loop(loop) is False

        async def inside() -> bool:
            return watch_loop()

        assert asyncio.run(inside()) is True

    def test_sites_and_lines_are_bounded(self, caplog: pytest.LogCaptureFixture) -> None:
        """A hundred lines are told apart, the rest is one; five log lines a minute."""
        watcher = LoopWatcher(0.1, 10, LOG)
        for line in range(MAX_SITES + 50):
            site = Site("f", "file.py", line)
            seen = Culprit(site, (site,))
            watcher._count(seen)
            case: Any = type("Case", (), {"culprit": seen})()
            watcher._log_blocked(case, 0.2)
        assert len(watcher.blocked) == MAX_SITES + 1
        assert watcher.blocked[OTHER] == 50
        assert len(caplog.records) == 5

    def test_the_application_is_the_culprit(self) -> None:
        """In a stack that ends in the standard library, the line that called it is named."""
        ready = threading.Event()
        end = threading.Event()

        def mine() -> None:
            ready.set()
            end.wait(10)

        thread = threading.Thread(target=mine)
        thread.start()
        ready.wait(10)
        seen = wait_until(
            lambda: (c := culprit(thread.ident or 0)) and c.site.function.endswith("mine") and c,
            "the function that holds",
        )
        end.set()
        thread.join()
        assert seen.site.file == __file__
        assert seen.stack[-1].file != __file__


UVLOOP = """
import asyncio, sys, time, json
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from vaquero_instrumentation_runtime import RuntimeInstrumentor
{first}
reader = InMemoryMetricReader()
RuntimeInstrumentor().instrument(meter_provider=MeterProvider([reader]))
import uvloop
async def main():
    await asyncio.sleep(0.4)
    time.sleep(0.25)
    await asyncio.sleep(0.3)
uvloop.run(main())
print(json.dumps([
    [m.name, dict(p.attributes), p.value]
    for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics
    for m in s.metrics for p in m.data.data_points if m.name.startswith("vaquero.eventloop")
]))
"""


@pytest.mark.parametrize("first", ["import uvloop", ""])
def test_uvloop(first: str) -> None:
    """A block in uvloop is seen with its line, whichever was imported first."""
    pytest.importorskip("uvloop")
    code = UVLOOP.format(first=first)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    blocked = [p for p in json.loads(done.stdout) if p[0] == "vaquero.eventloop.blocked"]
    assert [p[1]["code.line.number"] for p in blocked] == [
        code.splitlines().index("    time.sleep(0.25)") + 1
    ]
