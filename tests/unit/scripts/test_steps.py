"""One step of the suite: a test that passes only when it is run alone has failed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts import steps

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:xdist")

#: Fails in the first process that runs it, and passes in the next.
FLAKY = """
from pathlib import Path

def test_flaky():
    mark = Path(__file__).with_name("second")
    second = mark.exists()
    mark.touch()
    assert second
"""
BROKEN = "def test_broken():\n    assert False\n"
MANY = "".join(f"def test_{number}():\n    assert False\n" for number in range(9))
FINE = "def test_fine():\n    pass\n"


@pytest.fixture
def run(tmp_path: Path):
    """Runs a step over test files of these contents."""

    def run_step(*contents: str) -> steps.Result:
        for number, content in enumerate(contents):
            (tmp_path / f"test_{number}.py").write_text(content)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        cache = Path("cache")
        own = ("-o", f"cache_dir={cache}")
        return steps.run(steps.Step("tests: made up", (*PYTEST, *own), PYTEST, cache), tmp_path)

    return run_step


def test_a_flake_is_a_failure(run) -> None:
    """A test that fails beside others and passes alone is named, and its step has failed."""
    result = run(FLAKY, FINE)

    assert result.code == 1
    assert result.flaky == ("test_0.py::test_flaky",)
    said = "\n".join(steps.summary([result]))
    assert "FAILED tests: made up" in said
    assert "passed only when run alone: test_0.py::test_flaky" in said
    assert said.endswith("0 passed, 1 failed")


def test_what_fails_alone_too_is_no_flake(run) -> None:
    """Of two failures the one that comes again is not among the flakes."""
    result = run(FLAKY, BROKEN)

    assert result.code == 1
    assert result.flaky == ("test_0.py::test_flaky",)


def test_many_failures_are_not_run_again(run) -> None:
    """More than a handful is no accident: nothing is repeated."""
    result = run(MANY)

    assert result.code == 1
    assert result.flaky == ()


def test_a_step_that_passes(run) -> None:
    """Nothing fails, nothing is repeated, and the summary says so."""
    result = run(FINE)

    assert (result.code, result.flaky) == (0, ())
    assert steps.summary([result])[-1] == "1 passed, 0 failed"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """A step whose program cannot be started has failed; the others go on."""
    step = steps.Step("lint: nothing", (str(tmp_path / "nothing"),))

    assert steps.run(step, tmp_path).code != 0
