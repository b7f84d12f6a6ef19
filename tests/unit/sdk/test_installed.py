"""Names of what other packages offer: what is not there, and what cannot be loaded."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from vaquero.sdk import installed, sampling


class _Point:
    def __init__(self, name: str, found: Any) -> None:
        self.name = name
        self._found = found

    def load(self) -> Any:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def _install(monkeypatch: pytest.MonkeyPatch, **points: Any) -> None:
    def entry_points(*, group: str, name: str | None = None) -> list[_Point]:
        return [_Point(key, found) for key, found in points.items() if name in (None, key)]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


def test_names_that_can_be_had_are_used_and_the_others_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One fault for all of them, with the valid names and why one cannot be loaded."""
    _install(monkeypatch, good=list, bad=ImportError("no such module"))

    judgement = installed.judge_names("group", ("good", "bad", "nope", "own"), builtin={"own"})

    assert (judgement.value, judgement.made) == (("good", "own"), {"good": list})
    assert judgement.fault is not None
    assert judgement.fault.valid == (
        "some of bad, good, own, separated by commas "
        "(bad cannot be loaded: ImportError: no such module)"
    )
    assert judgement.fault.using == "good,own"


def test_where_no_name_can_be_had_the_next_source_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing holds of such a value."""
    _install(monkeypatch)

    judgement = installed.judge_names("group", ("nope",), using="the usual")

    assert judgement.value is None
    assert judgement.fault is not None
    assert judgement.fault.using == "the usual"


@pytest.mark.parametrize("found", [lambda argument: 1 / 0, lambda argument: "no sampler"])
def test_a_sampler_that_a_package_cannot_make_is_refused(
    found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its factory raises, or gives, is told; the default is used."""
    _install(monkeypatch, theirs=found)

    judgement = sampling.judge_sampler("theirs", {"sampler_arg": None})

    assert judgement.value is None
    assert judgement.fault is not None
    assert "theirs" in judgement.fault.valid
    assert "Error: " in judgement.fault.valid
    assert judgement.fault.using == "parentbased_always_on"


def test_an_id_generator_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random ones are used, and the reason is told."""
    _install(monkeypatch, theirs=OSError("no entropy"))

    judgement = sampling.judge_id_generator("theirs", {})

    assert judgement.value is None
    assert judgement.fault is not None
    assert judgement.fault.valid == "one of random, theirs (OSError: no entropy)"


@pytest.mark.parametrize("wanted", [5, {"random": None}, ["random"]])
def test_what_makes_no_ids_is_no_id_generator(wanted: Any) -> None:
    """A value of a file that is neither a name nor an object of the SDK's kind is refused."""
    judgement = sampling.judge_id_generator(wanted, {})

    assert judgement.value is None
    assert judgement.fault is not None
    assert judgement.fault.valid.startswith("one of random")
    assert judgement.fault.using == "random"


def test_an_object_that_makes_ids_is_used() -> None:
    """As an argument gives it."""
    wanted = RandomIdGenerator()

    assert sampling.judge_id_generator(wanted, {}).made is wanted
