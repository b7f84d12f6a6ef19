"""What a cycle of gauges costs, beside upstream's in the same run: ``python -m benchmarks.gauges``.

A cycle is one collection by an in-memory reader. Ours reads every source afresh in each cycle:
the clock that it is given moves a minute each time. *Our part* is what the callbacks take when
they are called as the SDK calls them; the rest of a cycle is the SDK's collect. Subjects are
interleaved, and a ratio is the median of the ratios of the rounds.

Needs ``opentelemetry-instrumentation-system-metrics`` for the comparison and ``strace`` for the
system calls; what is missing is said and left out.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib
import operator
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.metrics import CallbackOptions
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

# Upstream's instruments that ours has too, and ours: for the comparison of like with like.
SAME_UPSTREAM: dict[str, list[str] | None] = {
    "system.cpu.utilization": ["idle", "user", "system", "irq"],
    "system.memory.usage": ["used", "free", "cached"],
    "process.context_switches": ["involuntary", "voluntary"],
    "process.cpu.time": ["user", "system"],
    "process.memory.usage": None,
    "process.memory.virtual": None,
    "process.open_file_descriptor.count": None,
    "process.thread.count": None,
}
SAME_OURS = {
    *(SAME_UPSTREAM.keys() - {"process.open_file_descriptor.count"}),
    "process.unix.file_descriptor.count",
}
OURS = ("system", "process", "runtime")


class _Minutes:
    """A monotonic clock that a cycle moves by a minute, so that nothing is read from memory."""

    def __init__(self) -> None:
        self._now = [time.monotonic()]
        # As cheap to read as the real one, which is in C too.
        self.clock: Callable[[], float] = functools.partial(operator.getitem, self._now, 0)

    def advance(self) -> None:
        self._now[0] += 61


class Subject(NamedTuple):
    """One way to measure a machine: collects once, and calls its callbacks once."""

    reader: InMemoryMetricReader
    minutes: _Minutes
    slots: tuple[Callable[[CallbackOptions], Any], ...]

    def cycle(self) -> None:
        self.minutes.advance()
        self.reader.get_metrics_data()

    def callbacks(self) -> None:
        self.minutes.advance()
        options = CallbackOptions()
        for slot in self.slots:
            for _ in slot(options):
                pass

    def points(self) -> tuple[int, int]:
        """Instruments and points of a cycle."""
        self.minutes.advance()
        data = self.reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        return len(metrics), sum(len(metric.data.data_points) for metric in metrics)


def ours(names: tuple[str, ...] = OURS, only: set[str] | None = None) -> Subject:
    """Our default gauges; ``only`` leaves out all others."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    minutes = _Minutes()
    for name in names:
        module = importlib.import_module(f"vaquero_instrumentation_{name}")
        base = getattr(module, f"{name.capitalize()}Instrumentor")
        instrumentor = type(f"Own{name}", (base,), {"_instance": None})()
        table = importlib.import_module(f"vaquero_instrumentation_{name}.table")
        excluded = _excluded(table, name, only)
        arguments: dict[str, Any] = {"meter_provider": provider, "clock": minutes.clock}
        if name == "system":
            arguments["host_metrics"] = "always"
        instrumentor.instrument(exclude_metrics=excluded, **arguments)
    return Subject(reader, minutes, _callbacks(provider))


def _callbacks(provider: MeterProvider) -> tuple[Callable[[CallbackOptions], Any], ...]:
    """What the SDK calls in a cycle, in its order."""
    instruments: list[Any] = provider._measurement_consumer._async_instruments
    return tuple(callback for one in instruments for callback in one._callbacks)


def _excluded(table: Any, name: str, only: set[str] | None) -> list[str]:
    if only is None:
        return []
    if name == "process":
        readers = importlib.import_module("vaquero_instrumentation_process.readers")
        rows = table.process_rows(readers.process_reader())
    else:
        rows = getattr(table, f"{name}_rows")()
    return [row.name for row in rows if row.name not in only]


def upstream(config: dict[str, list[str] | None] | None = None) -> Subject:
    """Upstream's instrumentor; None is its default."""
    module = importlib.import_module("opentelemetry.instrumentation.system_metrics")
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    own = type("Upstream", (module.SystemMetricsInstrumentor,), {"_instance": None})
    own(config=config).instrument(meter_provider=provider)
    return Subject(reader, _Minutes(), _callbacks(provider))


def cpu_us(run: Callable[[], None], times: int) -> float:
    """CPU microseconds of this thread for one run, mean of ``times``."""
    begun = time.thread_time()
    for _ in range(times):
        run()
    return (time.thread_time() - begun) / times * 1e6


def system_calls(kind: str, cycles: int = 50) -> float | None:
    """System calls of one cycle: the difference of two traced runs; None without strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    counts = [_traced(strace, kind, number) for number in (0, cycles)]
    return None if None in counts else (counts[1] - counts[0]) / cycles  # type: ignore[operator]


def _traced(strace: str, kind: str, cycles: int) -> int | None:
    child = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "benchmarks.gauges",
        "--child",
        kind,
        str(cycles),
    ]
    done = subprocess.run(
        [strace, "-f", "-c", *child], capture_output=True, text=True, timeout=300, check=False
    )
    total = re.search(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+.*total$", done.stderr, re.M)
    return int(total[1]) if total else None


def _child(kind: str, cycles: int) -> None:
    gc.disable()
    subject = ours() if kind == "ours" else upstream()
    for _ in range(5):
        subject.cycle()
    for _ in range(cycles):
        subject.cycle()


def gc_hook_us(times: int = 20000) -> float:
    """What the hook takes for one collection: its two calls, beside an empty loop."""
    garbage = importlib.import_module("vaquero_instrumentation_runtime.garbage")
    hook = garbage.GcWatch()._hook
    info = {"generation": 0, "collected": 0, "uncollectable": 0}

    def both() -> None:
        hook("start", info)
        hook("stop", info)

    return min(cpu_us(both, times) for _ in range(5)) - min(
        cpu_us(lambda: None, times) for _ in range(5)
    )


IDLE = """
import asyncio, sys, time
if sys.argv[2] == "on":
    from opentelemetry.sdk.metrics import MeterProvider
    from vaquero_instrumentation_runtime import RuntimeInstrumentor
    RuntimeInstrumentor().instrument(meter_provider=MeterProvider())
async def idle(seconds):
    await asyncio.sleep(0.5)
    begun, at = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    print((time.process_time() - begun) / (time.monotonic() - at))
asyncio.run(idle(float(sys.argv[1])))
"""


def idle_share(seconds: float) -> float:
    """CPU that the runtime package takes beside an idle event loop, as a share of one CPU."""
    shares = [
        float(subprocess.check_output([sys.executable, "-c", IDLE, str(seconds), mode], text=True))
        for mode in ("on", "off")
    ]
    return max(0.0, shares[0] - shares[1])


def compare(rounds: int, cycles: int) -> list[tuple[str, str, str]]:
    """Rows of (what, figure, target)."""
    mine, theirs = ours(), upstream()
    like, like_upstream = ours(only=SAME_OURS), upstream(SAME_UPSTREAM)
    runs: dict[str, Callable[[], None]] = {
        "ours": mine.cycle, "part": mine.callbacks, "theirs": theirs.cycle,
        "like": like.cycle, "like upstream": like_upstream.cycle,
        "like part": like.callbacks, "like upstream part": like_upstream.callbacks,
    }  # fmt: skip
    for run in runs.values():
        cpu_us(run, 5)
    measured: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        names = list(runs)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            measured[name].append(cpu_us(runs[name], cycles))

    def ratio(a: str, b: str) -> float:
        pairs = zip(measured[a], measured[b], strict=True)
        return statistics.median(x / y for x, y in pairs)

    def median_us(name: str) -> str:
        return f"{statistics.median(measured[name]):.0f} us"

    count, theirs_count = mine.points(), theirs.points()
    return [
        ("upstream, default: cycle", f"{median_us('theirs')}, {_counted(theirs_count)}", ""),
        ("ours, default: cycle", f"{median_us('ours')}, {_counted(count)}", ""),
        ("ours, our part (sampler and callbacks)", median_us("part"), ""),
        ("our part / upstream's cycle", f"{ratio('part', 'theirs'):.3f}", "<= 0.02"),
        ("our cycle / upstream's cycle", f"{ratio('ours', 'theirs'):.3f}", "<= 0.12"),
        (
            "same instruments: upstream's cycle",
            f"{median_us('like upstream')}, {_counted(like_upstream.points())}",
            "",
        ),
        ("same instruments: our cycle", f"{median_us('like')}, {_counted(like.points())}", ""),
        ("same instruments: our cycle / upstream's", f"{ratio('like', 'like upstream'):.3f}", ""),
        (
            "same instruments: our part / upstream's part",
            f"{ratio('like part', 'like upstream part'):.3f}",
            "<= 0.5",
        ),
    ]


def _counted(count: tuple[int, int]) -> str:
    return f"{count[0]} metrics, {count[1]} points"


def main() -> int:
    """Print a table in Markdown."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.gauges", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rounds")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        _child(given.child[0], int(given.child[1]))
        return 0
    try:
        rows = compare(3 if given.quick else 9, 10 if given.quick else 20)
    except ImportError as missing:
        print(f"No comparison: {missing}", file=sys.stderr)
        return 1
    for kind, target in (("upstream", ""), ("ours", "<= 60")):
        calls = system_calls(kind)
        rows.append((f"{kind}: system calls of a cycle",
                     "no strace here" if calls is None else f"{calls:.1f}", target))  # fmt: skip
    rows.append(("hook of the collector, each collection", f"{gc_hook_us():.2f} us", "<= 1 us"))
    share = idle_share(3 if given.quick else 10)
    rows.append(("idle event loop, share of a CPU", f"{share * 100:.3f} %", "<= 0.1 %"))
    print("| | measured | target |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
