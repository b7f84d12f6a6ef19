"""Run every check of this checkout and say how long each took: ``python scripts/suite.py``.

``--only NAME`` runs the steps whose name starts with NAME, and those that they need; ``--list``
shows them. It begins with what it has found on this machine. What is downloaded or built is a step
of its own, before the tests.

Tests run side by side, with real servers, forks and kills among them. A few that fail so are run
again, alone, and the summary names those that passed then: they have failed, as flakes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import bootstrap  # noqa: E402
import machine  # noqa: E402
from steps import Step, run, summary  # noqa: E402

PYTHON = sys.executable
UNIT = ("tests/unit", "instrumentations", "viewer/tests", "conditions/tests")
UNIT_ON_OTHERS = ("tests/unit", "instrumentations", "conditions/tests")
REST = (
    "tests/integration",
    "tests/e2e",
    "tests/faults",
    "tests/typing",
    "tests/conformance",
    "collector/tests",
)

#: What the tests that are no unit tests need, by the name of the step that makes it.
PREPARED = {
    "prepare: Collector": ("binary",),
    "prepare: applications": ("environment_with_vaquero", "environment_with_upstream"),
    "prepare: packages": ("wheels", "old_pip"),
}


def main() -> int:
    """Run the steps in order; go on after a failure, so that one run shows all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    steps = chosen(list(_steps()), options.only)
    if options.list:
        print("\n".join(step.name for step in steps))
        return 0
    if any(step.name.startswith("tests: ") for step in steps):
        print("=== this machine")
        print("\n".join(machine.lines()), flush=True)
    results = [run(step) for step in steps]
    print("\n=== summary")
    print("\n".join(summary(results)))
    return 1 if not results or any(result.code != 0 for result in results) else 0


def chosen(steps: list[Step], only: str) -> list[Step]:
    """The steps whose name starts so, and those that they need, in their order."""
    named = [step for step in steps if step.name.startswith(only)]
    names = {step.name for step in named}.union(*(step.needs for step in named))
    return [step for step in steps if step.name in names]


def _steps() -> Iterator[Step]:
    yield Step("lint: format", (PYTHON, "-m", "ruff", "format", "--check", "."))
    yield Step("lint: rules", (PYTHON, "-m", "ruff", "check", "."))
    yield Step("lint: floors", (str(Path(PYTHON).parent / "lint-imports"),))
    yield Step("lint: types", (PYTHON, "-m", "pyright"))
    for name, prerequisites in PREPARED.items():
        yield Step(name, (PYTHON, "-m", "tests.support.prerequisites", *prerequisites))
    others = list(_others())
    for profile, name, python in others:
        yield Step(f"prepare: {name}", (PYTHON, "scripts/bootstrap.py", profile, python))
    side_by_side = ("-n", str(max(2, os.cpu_count() or 2)))
    yield _tests("unit", PYTHON, *side_by_side, *UNIT)
    yield _tests("the rest", PYTHON, *side_by_side, *_present(REST), needs=tuple(PREPARED))
    yield Step("tests: the SDK's own", (PYTHON, "-m", "tests.conformance"))
    for profile, name, python in others:
        interpreter = str(bootstrap.interpreter(profile, python))
        yield _tests(
            name, interpreter, "-m", "not packaging and not browser", "-n", "2", *UNIT_ON_OTHERS,
            needs=(f"prepare: {name}",), VAQUERO_TESTS_PARTIAL="1",
        )  # fmt: skip


def _others() -> Iterator[tuple[str, str, str]]:
    """Profile, name and Python of the environments in which the unit tests run once more."""
    yield "floor", "oldest SDK", PYTHON
    for name, python in machine.other_pythons():
        if python is not None:
            yield "unit", name, python


def _present(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(folder for folder in folders if (ROOT / folder).exists())


def _tests(
    name: str, python: str, *words: str, needs: tuple[str, ...] = (), **environ: str
) -> Step:
    cache = Path(".pytest_cache") / name.replace(" ", "-")
    pytest = (python, "-m", "pytest", "-q")
    own = ("--dist", "loadfile", "-o", f"cache_dir={cache}", "--cache-clear")
    return Step(f"tests: {name}", (*pytest, *own, *words), pytest, cache, needs, environ)


if __name__ == "__main__":
    sys.exit(main())
