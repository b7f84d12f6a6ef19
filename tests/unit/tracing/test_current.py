"""Spans as blocks and as decorators: what is current, what is noted, and when they end."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, StatusCode

from vaquero.tracing import TracerProvider


class Bench:
    """A provider and what it exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer: Any = provider.get_tracer("scope")

    @property
    def spans(self) -> list[Any]:
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def bench() -> Bench:
    """A provider of its own for each test."""
    return Bench()


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


def test_block_left_in_another_context_is_silent(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A generator that is closed in another context ends its span without a word."""

    def body() -> Iterator[None]:
        with bench.tracer.start_as_current_span("block"):
            yield

    generator = body()
    contextvars.copy_context().run(next, generator)
    with caplog.at_level(logging.DEBUG):
        generator.close()
    assert [span.name for span in bench.spans] == ["block"]
    assert caplog.text == ""
    assert trace.get_current_span() is INVALID_SPAN


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_only_exceptions_are_noted_by_blocks(bench: Bench, error: type[BaseException]) -> None:
    """What is no ``Exception`` passes a block without a mark on its span."""
    with pytest.raises(error):
        with bench.tracer.start_as_current_span("block"):
            raise error
    (span,) = bench.spans
    assert span.events == () and span.status.status_code is StatusCode.UNSET


def test_plain_span_notes_everything(bench: Bench) -> None:
    """``with span`` records whatever leaves it, KeyboardInterrupt included."""
    with pytest.raises(KeyboardInterrupt):
        with bench.tracer.start_span("span"):
            raise KeyboardInterrupt("stop")
    (span,) = bench.spans
    assert [event.name for event in span.events] == ["exception"]
    assert span.status.description == "KeyboardInterrupt: stop"


def test_exception_passes_unchanged(bench: Bench) -> None:
    """The application's exception leaves the block as the same object."""
    error = ValueError("text")
    with pytest.raises(ValueError) as caught:
        with bench.tracer.start_as_current_span("block"):
            raise error
    assert caught.value is error
    (event,) = bench.spans[0].events
    assert event.attributes["exception.type"] == "ValueError"
    assert event.attributes["exception.message"] == "text"
    assert "raise error" in event.attributes["exception.stacktrace"]
    assert event.attributes["exception.escaped"] == "False"


def test_exception_that_cannot_be_printed(bench: Bench) -> None:
    """An exception whose text raises is recorded with a remark."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(Mute):
        with bench.tracer.start_as_current_span("block"):
            raise Mute
    (span,) = bench.spans
    assert "not readable" in span.status.description


def test_block_can_leave_its_span_open(bench: Bench) -> None:
    """With ``end_on_exit=False`` the span goes on after the block."""
    with bench.tracer.start_as_current_span("block", end_on_exit=False) as span:
        pass
    assert span.is_recording() and trace.get_current_span() is INVALID_SPAN


def test_nothing_is_noted_where_not_wanted(bench: Bench) -> None:
    """Recording of exceptions and of the status can be left out, each on its own."""
    for record, status in ((False, True), (True, False)):
        with pytest.raises(ValueError):
            with bench.tracer.start_as_current_span(
                "block", record_exception=record, set_status_on_exception=status
            ):
                raise ValueError("text")
    first, second = bench.spans
    assert (len(first.events), first.status.status_code) == (0, StatusCode.ERROR)
    assert (len(second.events), second.status.status_code) == (1, StatusCode.UNSET)
