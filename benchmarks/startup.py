"""What importing and starting cost, and what a waiting span holds: in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tracemalloc
from statistics import median
from typing import Any

from benchmarks.harness import Row, environment
from benchmarks.subjects import ALL, Subject
from benchmarks.workloads import FIVE


def rows(subjects: list[Subject], endpoint: str, rounds: int) -> list[Row]:
    """CPU and memory of import and start, as ratios of what they add to an empty interpreter."""
    seen: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory(prefix="vaquero-bench-") as bytecode:
        for turn in range(rounds + 1):
            nothing = _once("nothing", endpoint, bytecode=bytecode)
            found = {
                s.name: _added(_once(s.name, endpoint, bytecode=bytecode), nothing)
                for s in subjects
            }
            if turn:  # The first one compiles, as installing a package does.
                seen.append(found)
    base = subjects[0].name
    made: list[Row] = []
    for field, name, unit, target in (
        ("cpu_ms", "import and start: CPU", "ms", "≤ 0.70"),
        ("rss_mb", "import and start: memory added", "MB", "≤ 0.70"),
        ("modules", "import and start: modules", "", ""),
    ):
        ratios = {
            s.name: median(one[s.name][field] / one[base][field] for one in seen)
            for s in subjects[1:]
        }
        made.append(Row(name, median(one[base][field] for one in seen), unit, ratios, target))
    held = {s.name: _once(s.name, endpoint, "held")["bytes"] for s in subjects[:2]}
    ratio = {name: size / held[base] for name, size in held.items() if name != base}
    made.append(Row("memory of a waiting span, 5 attributes", held[base], "bytes", ratio))
    return made


def _added(whole: dict[str, float], nothing: dict[str, float]) -> dict[str, float]:
    return {field: whole[field] - nothing[field] for field in whole}


def _once(
    name: str, endpoint: str, what: str = "start", bytecode: str | None = None
) -> dict[str, float]:
    """Measure in a new process.

    Args:
        name: Of the subject.
        endpoint: Where it sends.
        what: ``start`` or ``held``.
        bytecode: Where what is compiled is kept for the next process, for everybody alike: what is
            installed is compiled, and what runs from a checkout would be so each time anew.
    """
    command = [sys.executable, "-m", "benchmarks.startup", name, endpoint, what]
    env = environment("")
    if bytecode is not None:
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONPYCACHEPREFIX"] = bytecode
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _rss_mb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 1e6


def _start(name: str, endpoint: str) -> dict[str, float]:
    import time

    before, modules = time.process_time(), len(sys.modules)
    if name != "nothing":
        ALL[name].start(endpoint, "")
    took = (time.process_time() - before) * 1000
    return {"cpu_ms": took, "rss_mb": _rss_mb(), "modules": len(sys.modules) - modules}


class _Keeper:
    """Keeps what it is given, as a queue does; processor and sink in one."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.put = self.kept.append

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None

    def on_end(self, span: Any) -> None:
        self.kept.append(span)


def _held(name: str) -> dict[str, float]:
    """Bytes of a finished span of five attributes while it waits."""
    from opentelemetry.sdk.trace import TracerProvider

    if name == "vaquero":
        from vaquero.tracing import TracerProvider
    provider = TracerProvider(shutdown_on_exit=False)
    keeper: Any = _Keeper()
    provider.add_span_processor(keeper)
    tracer = provider.get_tracer("bench")
    tracer.start_span("first").end()
    tracemalloc.start()
    for number in range(2000):
        tracer.start_span("work", attributes={**FIVE, "number": number}).end()
    return {"bytes": tracemalloc.get_traced_memory()[0] / 2000}


if __name__ == "__main__":
    given, where, wanted = sys.argv[1:4]
    print(json.dumps(_held(given) if wanted == "held" else _start(given, where)))
