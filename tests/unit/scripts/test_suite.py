"""Which steps of the suite run."""

from __future__ import annotations

from scripts.steps import Step
from scripts.suite import chosen

STEPS = [
    Step("lint: rules", ("true",)),
    Step("prepare: Collector", ("true",)),
    Step("prepare: oldest SDK", ("true",)),
    Step("tests: unit", ("true",)),
    Step("tests: the rest", ("true",), needs=("prepare: Collector",)),
]


def _names(only: str) -> list[str]:
    return [step.name for step in chosen(STEPS, only)]


def test_what_a_chosen_step_needs_is_made_before_it() -> None:
    """A part of the suite brings the downloads and builds that it needs, and no others."""
    assert _names("tests: the rest") == ["prepare: Collector", "tests: the rest"]
    assert _names("tests: unit") == ["tests: unit"]
    assert _names("lint") == ["lint: rules"]


def test_the_whole_suite() -> None:
    """Without a choice every step runs, in its order."""
    assert _names("") == [step.name for step in STEPS]
