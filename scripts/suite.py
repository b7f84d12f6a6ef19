"""Run every check of this checkout and say how long each took: ``python scripts/suite.py``.

``--only NAME`` runs the steps whose name starts with NAME; ``--list`` shows them.
"""

from __future__ import annotations

import argparse
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
UNIT = ("tests/unit", "instrumentations", "viewer/tests")
OTHER_PYTHONS = ("python3.10", "python3.12", "python3.13", "python3.14")


@dataclass(frozen=True)
class Step:
    """One check: a name and a command."""

    name: str
    command: tuple[str, ...]


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
    results: list[tuple[Step, int, float]] = []
    for step in steps:
        print(f"\n=== {step.name}", flush=True)
        begun = time.monotonic()
        code = subprocess.run(step.command, cwd=ROOT, env=_environ(), check=False).returncode
        results.append((step, code, time.monotonic() - begun))
    print("\n=== summary")
    for step, code, took_s in results:
        print(f"{'ok    ' if code == 0 else 'FAILED'} {step.name:40} {took_s:7.1f} s")
    failed = sum(code != 0 for _, code, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


def _steps() -> Iterator[Step]:
    yield Step("lint: format", (PYTHON, "-m", "ruff", "format", "--check", "."))
    yield Step("lint: rules", (PYTHON, "-m", "ruff", "check", "."))
    yield Step("lint: floors", (str(Path(PYTHON).parent / "lint-imports"),))
    yield Step("lint: types", (PYTHON, "-m", "pyright"))
    yield Step("tests: unit", _pytest(PYTHON, *UNIT, parallel=True))
    yield Step("tests: the rest", _pytest(PYTHON, *_rest(), parallel=True))
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


def _pytest(python: str, *folders: str, parallel: bool) -> tuple[str, ...]:
    workers = ("-n", str(max(2, os.cpu_count() or 2)), "--dist", "loadfile") if parallel else ()
    return (python, "-m", "pytest", "-q", *workers, *folders)


def _environ() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not _is_telemetry(name)}
    return {**own, "PYTHONDONTWRITEBYTECODE": "1"}


def _is_telemetry(name: str) -> bool:
    return name.startswith(("OTEL_", "VAQUERO_")) and name != "VAQUERO_OTELCOL"


if __name__ == "__main__":
    sys.exit(main())
