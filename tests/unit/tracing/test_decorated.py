"""Functions decorated by ``start_as_current_span``: each call is a span."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN

from .conftest import Bench


def test_function_has_a_span_for_each_call(bench: Bench) -> None:
    """A decorated function keeps name and result and gets one span a call."""

    @bench.tracer.start_as_current_span("call", attributes={"a": 1})
    def work(number: int) -> int:
        assert trace.get_current_span().is_recording()
        return number + 1

    assert (work(1), work(number=2), work.__name__) == (2, 3, "work")
    assert [span.name for span in bench.spans] == ["call", "call"]
    assert len({span.context.span_id for span in bench.spans}) == 2


def test_coroutine_function_is_spanned_until_it_returns(bench: Bench) -> None:
    """The span of a decorated coroutine function is current over its awaits."""

    @bench.tracer.start_as_current_span("call")
    async def work() -> Any:
        await asyncio.sleep(0)
        return trace.get_current_span()

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work()) is bench.spans[0]


def test_generator_is_spanned_while_it_runs(bench: Bench) -> None:
    """The span of a generator is current in its body only, and ends with it."""

    @bench.tracer.start_as_current_span("steps")
    def steps() -> Iterator[Any]:
        yield trace.get_current_span()
        yield trace.get_current_span()

    seen = []
    for span in steps():
        seen.append(span)
        assert trace.get_current_span() is INVALID_SPAN
        assert bench.spans == []
    assert seen == [bench.spans[0]] * 2


def test_failing_generator_notes_its_exception(bench: Bench) -> None:
    """What leaves a decorated generator is recorded on its span."""

    @bench.tracer.start_as_current_span("steps")
    def steps() -> Iterator[int]:
        yield 1
        raise ValueError("text")

    with pytest.raises(ValueError, match="text"):
        list(steps())
    (span,) = bench.spans
    assert span.status.description == "ValueError: text"


def test_async_generator_left_early_leaves_nothing_current(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A decorated asynchronous generator that is left early ends silently and leaks no span."""

    @bench.tracer.start_as_current_span("steps")
    async def steps() -> AsyncIterator[Any]:
        yield trace.get_current_span()
        yield None

    async def main() -> None:
        async for span in steps():
            assert span.is_recording()
            break
        assert trace.get_current_span() is INVALID_SPAN

    asyncio.run(main())
    assert [span.name for span in bench.spans] == ["steps"]
    assert "Failed to detach" not in caplog.text
