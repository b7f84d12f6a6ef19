"""Run every check of this checkout and say how long each took: ``python scripts/suite.py``.

``--only NAME`` runs the steps whose name starts with NAME; ``--list`` shows them.

Tests run side by side, with real servers, forks and kills among them. A few that fail so are run
once more, alone; the summary says which step needed that, and how many tests. What fails alone too
has failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
UNIT = ("tests/unit", "instrumentations", "viewer/tests", "conditions/tests")
OTHER_PYTHONS = ("python3.10", "python3.12", "python3.13", "python3.14")

#: More failures than this are no accident of running side by side.
MAX_REPEATED = 8


@dataclass(frozen=True)
class Step:
    """One check.

    Attributes:
        name: What it is called.
        command: What it runs.
        cache: Where pytest notes what failed; None for a check that is not repeated.
    """

    name: str
    command: tuple[str, ...]
    cache: Path | None = None


@dataclass(frozen=True)
class Result:
    """How a step went."""

    step: Step
    code: int
    took_s: float
    repeated: int = 0


def main() -> int:
    """Run the steps in order; go on after a failure, so that one run shows all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    steps = [step for step in _steps() if step.name.startswith(options.only)]
    if options.list:
        print("\n".join(step.name for step in steps))
        return 0
    results = [_run(step) for step in steps]
    print("\n=== summary")
    for result in results:
        verdict = "ok    " if result.code == 0 else "FAILED"
        again = f"  {result.repeated} passed only when run alone" if result.repeated else ""
        print(f"{verdict} {result.step.name:30} {result.took_s:7.1f} s{again}")
    failed = sum(result.code != 0 for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


def _run(step: Step) -> Result:
    print(f"\n=== {step.name}", flush=True)
    begun = time.monotonic()
    code = subprocess.run(step.command, cwd=ROOT, env=_environ(), check=False).returncode
    repeated = 0
    noted = failures(step) if code == 1 and step.cache is not None else []
    if 0 < len(noted) <= MAX_REPEATED:
        print(f"\n=== {step.name}: {len(noted)} once more, alone", flush=True)
        command = (PYTHON, "-m", "pytest", "-q", *noted)
        code = subprocess.run(command, cwd=ROOT, env=_environ(), check=False).returncode
        repeated = len(noted)
    return Result(step, code, time.monotonic() - begun, repeated)


def failures(step: Step) -> list[str]:
    """What failed in a step, as pytest noted it."""
    noted = ROOT / (step.cache or "") / "v" / "cache" / "lastfailed"
    try:
        return sorted(json.loads(noted.read_text("utf-8")))
    except (OSError, ValueError):
        return []


def _steps() -> Iterator[Step]:
    yield Step("lint: format", (PYTHON, "-m", "ruff", "format", "--check", "."))
    yield Step("lint: rules", (PYTHON, "-m", "ruff", "check", "."))
    yield Step("lint: floors", (str(Path(PYTHON).parent / "lint-imports"),))
    yield Step("lint: types", (PYTHON, "-m", "pyright"))
    yield _tests("tests: unit", *UNIT)
    yield _tests("tests: the rest", *_rest())
    yield Step("tests: the SDK's own", (PYTHON, "-m", "tests.conformance"))
    yield from _on_others()


def _rest() -> tuple[str, ...]:
    folders = (
        "tests/integration",
        "tests/e2e",
        "tests/faults",
        "tests/typing",
        "tests/conformance",
        "collector/tests",
    )
    return tuple(folder for folder in folders if (ROOT / folder).exists())


def _tests(name: str, *folders: str) -> Step:
    cache = Path(".pytest_cache") / name.partition(": ")[2].replace(" ", "-")
    workers = ("-n", str(max(2, os.cpu_count() or 2)), "--dist", "loadfile")
    own = ("-o", f"cache_dir={cache}", "--cache-clear")
    return Step(name, (PYTHON, "-m", "pytest", "-q", *workers, *own, *folders), cache)


def _on_others() -> Iterator[Step]:
    """Unit tests on the oldest SDK, and on every other Python that is on PATH."""
    yield Step("tests: oldest SDK", (PYTHON, "scripts/elsewhere.py", "floor", sys.executable))
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in OTHER_PYTHONS:
        path = shutil.which(name)
        if name != own and path and _works(path):
            yield Step(f"tests: {name}", (PYTHON, "scripts/elsewhere.py", "unit", path))


def _works(path: str) -> bool:
    # A shim of a version manager is on PATH even where the version behind it is not installed.
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0


def _environ() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not _is_telemetry(name)}
    return {**own, "PYTHONDONTWRITEBYTECODE": "1"}


def _is_telemetry(name: str) -> bool:
    return name.startswith(("OTEL_", "VAQUERO_")) and name != "VAQUERO_OTELCOL"


if __name__ == "__main__":
    sys.exit(main())
