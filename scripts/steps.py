"""One check of the suite: what it runs, how it went, and which of its failures are flakes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import is_telemetry

ROOT = Path(__file__).resolve().parent.parent

#: More failures than this are no accident of running side by side.
MAX_REPEATED = 8


@dataclass(frozen=True)
class Step:
    """One check.

    Attributes:
        name: What it is called.
        command: What it runs.
        alone: For a run of pytest: the command that runs the tests which are appended to it.
        cache: Where pytest notes what failed, from the root; None for a check without tests.
        needs: Names of steps that have to be done before.
        environ: Variables of its own.
    """

    name: str
    command: tuple[str, ...]
    alone: tuple[str, ...] = ()
    cache: Path | None = None
    needs: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Result:
    """How a step went.

    Attributes:
        step: Which.
        code: The exit code of its command.
        took_s: How long it took, with the repetition.
        flaky: Tests that failed beside others and passed alone.
    """

    step: Step
    code: int
    took_s: float
    flaky: tuple[str, ...] = ()


def run(step: Step, root: Path = ROOT) -> Result:
    """Run a check; a few tests that failed are run again, alone, which tells what kind they are.

    A test that passes only alone has failed all the same: a race shows nowhere but under load.
    """
    print(f"\n=== {step.name}", flush=True)
    begun = time.monotonic()
    code = _call(step, step.command, root)
    flaky: tuple[str, ...] = ()
    if code == 1 and step.cache is not None:
        failed = failures(root / step.cache)
        if 0 < len(failed) <= MAX_REPEATED:
            print(f"\n=== {step.name}: {len(failed)} again, alone, for diagnosis", flush=True)
            cache = step.cache.with_name(f"{step.cache.name}-alone")
            own = ("-o", f"cache_dir={cache}", "--cache-clear")
            ended = _call(step, (*step.alone, *own, *failed), root)
            again = failures(root / cache)
            # Another code than these two says that no tests were run.
            flaky = tuple(name for name in failed if name not in again) if ended in (0, 1) else ()
    return Result(step, code, time.monotonic() - begun, flaky)


def failures(cache: Path) -> list[str]:
    """The tests that failed in a run of pytest, as it noted them."""
    try:
        return sorted(json.loads((cache / "v" / "cache" / "lastfailed").read_text("utf-8")))
    except (OSError, ValueError):
        return []


def summary(results: list[Result]) -> list[str]:
    """Lines that say how each step went, and which tests are flaky."""
    lines: list[str] = []
    for result in results:
        verdict = "ok    " if result.code == 0 else "FAILED"
        lines.append(f"{verdict} {result.step.name:30} {result.took_s:7.1f} s")
        lines += [f"         passed only when run alone: {name}" for name in result.flaky]
    failed = sum(result.code != 0 for result in results)
    lines.append(f"{len(results) - failed} passed, {failed} failed")
    return lines


def _call(step: Step, command: tuple[str, ...], root: Path) -> int:
    own = {name: value for name, value in os.environ.items() if not is_telemetry(name)}
    environ = {**own, "PYTHONDONTWRITEBYTECODE": "1", **step.environ}
    try:
        return subprocess.run(command, cwd=root, env=environ, check=False).returncode
    except OSError as error:
        print(f"{step.name}: {error}", flush=True)
        return 127
