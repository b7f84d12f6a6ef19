"""Capturing arguments and results: off by default, named, cut, and without the object itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import vaquero
from vaquero import _runtime

from .conftest import Spans


class Angry:
    def __str__(self) -> str:
        raise ValueError("no text")


def _json(spans: Spans, name: str, key: str) -> Any:
    return json.loads(spans.attributes(name)[f"vaquero.{key}"])


def test_nothing_is_captured_unasked(spans: Spans) -> None:
    """Without being asked for, neither arguments nor results are on the span."""

    @vaquero.trace
    def work(secret: str) -> str:
        return secret

    work("s3cret")

    assert "s3cret" not in repr(spans.attributes("work"))


def test_the_settings_decide_where_the_decorator_does_not(
    spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings switch capture on for all functions, but for those that say no."""
    settings = {"capture_inputs": True, "capture_outputs": True}
    sdk = type("Sdk", (), {"settings": settings, "tracer_provider": None})()
    monkeypatch.setattr(_runtime, "sdk", sdk)

    @vaquero.trace
    def work(a: int) -> int:
        return a

    @vaquero.trace(capture_inputs=False, capture_outputs=False)
    async def refused(a: int) -> int:
        return a

    work(1)
    asyncio.run(refused(1))

    assert _json(spans, "work", "input") == {"a": 1}
    assert _json(spans, "work", "output") == 1
    assert "vaquero.input" not in spans.attributes("refused")
    assert "vaquero.output" not in spans.attributes("refused")


def test_arguments_have_their_names(spans: Spans, silence: None) -> None:
    """Arguments arrive under the names of the parameters, further keywords beside them."""

    @vaquero.trace(capture_inputs=True, capture_outputs=True)
    def work(a: int, /, b: int = 2, *rest: int, c: Any, **more: Any) -> dict[str, int]:
        return {"sum": a + b}

    assert work(1, 5, 6, c={"x": None}, z=Angry()) == {"sum": 6}
    assert _json(spans, "work", "input") == {
        "a": 1,
        "b": 5,
        "rest": [6],
        "c": {"x": None},
        "z": "<Angry: not readable (ValueError)>",
    }
    assert _json(spans, "work", "output") == {"sum": 6}


def test_the_object_itself_is_left_out(spans: Spans, silence: None) -> None:
    """``self`` and ``cls`` are not captured, a first argument of another name is."""

    class Service:
        def __init__(self) -> None:
            self.password = "s3cret"

        @vaquero.trace("method", capture_inputs=True)
        def method(self, a: int) -> None:
            pass

        @vaquero.trace("classmethod", capture_inputs=True)
        @classmethod
        def of_class(cls, a: int) -> None:
            pass

        @staticmethod
        @vaquero.trace("static", capture_inputs=True)
        def static(a: int) -> None:
            pass

    Service().method(1)
    Service.of_class(2)
    Service.static(3)

    assert _json(spans, "method", "input") == {"a": 1}
    assert _json(spans, "classmethod", "input") == {"a": 2}
    assert _json(spans, "static", "input") == {"a": 3}


def test_coroutines_are_captured_when_they_return(spans: Spans, silence: None) -> None:
    """The result of a coroutine is what it returns."""

    @vaquero.trace(capture_inputs=True, capture_outputs=True)
    async def work(a: int) -> int:
        return a + 1

    asyncio.run(work(1))

    assert _json(spans, "work", "input") == {"a": 1}
    assert _json(spans, "work", "output") == 2


def test_long_values_are_cut_and_that_is_said(spans: Spans, silence: None) -> None:
    """The text is bounded, and its end says how much is missing."""

    @vaquero.trace(capture_inputs=True)
    def work(text: str) -> None:
        pass

    work("x" * 100_000)

    captured = spans.attributes("work")["vaquero.input"]
    assert len(captured) < 17_000
    assert captured.endswith("characters cut]")


def test_a_wrong_call_is_captured_as_it_is(spans: Spans) -> None:
    """Arguments that fit no parameters are shown by position, and the call fails as ever."""

    @vaquero.trace(capture_inputs=True)
    def work() -> None:
        pass

    with pytest.raises(TypeError):
        work(1, a=2)  # type: ignore[call-arg]

    assert _json(spans, "work", "input") == {"args": [1], "kwargs": {"a": 2}}


def test_arguments_of_generators_are_captured(spans: Spans, silence: None) -> None:
    """A generator's arguments are captured when its first step runs."""

    @vaquero.trace(capture_inputs=True)
    def work(n: int) -> Any:
        yield n

    assert list(work(2)) == [2]
    assert _json(spans, "work", "input") == {"n": 2}
