"""Generators as spans: inside each step the span is current, outside it never is."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.trace import StatusCode

import vaquero

from .conftest import Spans


def _current() -> str | None:
    return vaquero.get_current_span_id()


@vaquero.trace
def numbers(seen: list[Any]) -> Generator[int, str, str]:
    """Count, and keep what is sent."""
    seen.append(_current())
    got = yield 1
    seen.append((_current(), got))
    with vaquero.span("inside"):
        got = yield 2
        seen.append((_current(), got))
    return "done"


def test_each_step_runs_inside_and_the_caller_outside(spans: Spans, silence: None) -> None:
    """Sent values, the return value and spans held open over a yield stay with the generator."""
    seen: list[Any] = []
    running = numbers(seen)
    assert spans.all() == []
    with vaquero.span("caller") as caller:
        assert next(running) == 1
        assert _current() == caller.span_id
        assert running.send("a") == 2
        assert _current() == caller.span_id
    assert _current() is None
    with pytest.raises(StopIteration) as stopped:
        running.send("b")

    assert stopped.value.value == "done"
    own = spans.one("numbers").context
    inside = spans.one("inside").context
    assert own is not None
    assert inside is not None
    assert seen == [
        f"{own.span_id:016x}",
        (f"{own.span_id:016x}", "a"),
        (f"{inside.span_id:016x}", "b"),
    ]
    assert spans.parent_of("numbers") == "caller"
    assert spans.parent_of("inside") == "numbers"
    assert spans.one("numbers").status.status_code is StatusCode.UNSET


def test_the_kind_of_function_stays() -> None:
    """A decorated generator function is one, with its signature."""
    assert inspect.isgeneratorfunction(numbers)
    assert list(inspect.signature(numbers).parameters) == ["seen"]
    assert numbers.__doc__ == "Count, and keep what is sent."


@pytest.mark.parametrize("end", ["close", "drop", "break"])
def test_a_generator_that_is_not_exhausted_ends_quietly(
    spans: Spans, silence: None, end: str
) -> None:
    """Closing, dropping and breaking out end the span without an error."""
    finished: list[bool] = []

    @vaquero.trace
    def work() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            finished.append(True)

    if end == "break":
        for _ in work():
            break
    else:
        running: Any = work()
        next(running)
        if end == "close":
            running.close()
        del running
    gc.collect()

    assert finished == [True]
    assert spans.one("work").status.status_code is StatusCode.UNSET
    assert spans.one("work").events == ()
    assert _current() is None


def test_a_generator_that_never_ran_is_no_span(spans: Spans, silence: None) -> None:
    """Making a generator and dropping it makes no span."""
    numbers([]).close()

    assert spans.all() == []


def test_what_is_thrown_in_reaches_the_body(spans: Spans, silence: None) -> None:
    """The body may handle what is thrown; what it lets pass is the span's error."""

    @vaquero.trace
    def work() -> Generator[str, None, None]:
        try:
            yield "first"
        except KeyError:
            yield "handled"

    running = work()
    next(running)
    assert running.throw(KeyError("k")) == "handled"
    error = ValueError("not handled")
    with pytest.raises(ValueError, match="not handled") as caught:
        running.throw(error)

    assert caught.value is error
    assert spans.one("work").status.description == "ValueError: not handled"


def test_finishing_in_another_task_is_quiet(spans: Spans, silence: None) -> None:
    """Begun in one task and finished in another, with a span open over the yield."""
    running = numbers([])

    async def begin() -> None:
        next(running)
        running.send("a")

    async def finish() -> None:
        with pytest.raises(StopIteration):
            running.send("b")

    asyncio.run(begin())
    asyncio.run(finish())

    assert sorted(spans.names()) == ["inside", "numbers"]
    assert _current() is None


def test_context_managers_can_be_made_of_it(spans: Spans, silence: None) -> None:
    """A traced generator serves as a context manager, with its errors."""

    @contextlib.contextmanager
    @vaquero.trace
    def managed() -> Iterator[int]:
        yield 1

    with managed() as value:
        assert value == 1
        assert _current() is None
    with pytest.raises(ValueError, match="inside"), managed():
        raise ValueError("inside")

    assert [span.status.status_code for span in spans.all()] == [
        StatusCode.UNSET,
        StatusCode.ERROR,
    ]


@vaquero.trace
async def ticks(seen: list[Any]) -> AsyncGenerator[int, str]:
    """Count, waiting between."""
    seen.append(_current())
    await asyncio.sleep(0)
    got = yield 1
    seen.append((_current(), got))
    with vaquero.span("inside"):
        got = yield 2
        await asyncio.sleep(0)
        seen.append((_current(), got))


def test_each_step_of_an_async_generator_runs_inside(spans: Spans, silence: None) -> None:
    """The same for asynchronous generators, with waiting in between."""
    seen: list[Any] = []

    async def work() -> None:
        with vaquero.span("caller") as caller:
            running = ticks(seen)
            assert await running.__anext__() == 1
            assert _current() == caller.span_id
            assert await running.asend("a") == 2
            assert _current() == caller.span_id
            with pytest.raises(StopAsyncIteration):
                await running.asend("b")

    asyncio.run(work())

    own = spans.one("ticks").context
    inside = spans.one("inside").context
    assert own is not None
    assert inside is not None
    assert seen == [
        f"{own.span_id:016x}",
        (f"{own.span_id:016x}", "a"),
        (f"{inside.span_id:016x}", "b"),
    ]
    assert spans.parent_of("ticks") == "caller"
    assert inspect.isasyncgenfunction(ticks)


@pytest.mark.parametrize("end", ["aclose", "break", "loop ends", "other task"])
def test_an_async_generator_that_is_not_exhausted_ends_quietly(
    spans: Spans, silence: None, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Closing, breaking out, an ending loop and another task end span and body, without a word."""
    finished: list[bool] = []
    said: list[Any] = []

    @vaquero.trace
    async def work() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            finished.append(True)

    async def use() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: said.append(what))
        running: Any = work()
        if end == "break":
            async for _ in running:
                break
            del running
            for _ in range(5):
                await asyncio.sleep(0)
        elif end == "loop ends":
            kept.append(running)
            await running.__anext__()
        elif end == "aclose":
            await running.__anext__()
            await running.aclose()
        else:
            await asyncio.create_task(running.__anext__())
            await asyncio.create_task(running.aclose())
        assert _current() is None

    kept: list[Any] = []
    asyncio.run(use())
    gc.collect()

    assert finished == [True]
    assert said == []
    assert spans.one("work").status.status_code is StatusCode.UNSET
    assert spans.one("work").events == ()


def test_an_async_generator_without_a_loop_ends(spans: Spans) -> None:
    """Dropped where nobody can close it, the span ends all the same."""

    @vaquero.trace
    async def work() -> AsyncIterator[int]:
        yield 1

    running: Any = work()
    with pytest.raises(StopIteration):
        running.__anext__().send(None)
    del running
    gc.collect()

    assert spans.names() == ["work"]


def test_what_is_thrown_into_an_async_generator(spans: Spans, silence: None) -> None:
    """The body may handle what is thrown; what it lets pass is the span's error."""

    @vaquero.trace
    async def work() -> AsyncGenerator[str, None]:
        try:
            yield "first"
        except KeyError:
            yield "handled"

    async def use() -> None:
        running = work()
        await running.__anext__()
        assert await running.athrow(KeyError("k")) == "handled"
        with pytest.raises(ValueError, match="not handled"):
            await running.athrow(ValueError("not handled"))

    asyncio.run(use())

    assert spans.one("work").status.description == "ValueError: not handled"


def test_async_context_managers_can_be_made_of_it(spans: Spans, silence: None) -> None:
    """A traced asynchronous generator serves as a context manager."""

    @contextlib.asynccontextmanager
    @vaquero.trace
    async def managed() -> AsyncIterator[int]:
        yield 1

    async def use() -> None:
        async with managed() as value:
            assert value == 1
            assert _current() is None

    asyncio.run(use())

    assert spans.names() == ["managed"]


def test_steps_without_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is traced, generators of both kinds run as they are."""
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", trace_api.NoOpTracerProvider())

    async def use() -> list[int]:
        return [item async for item in ticks([])]

    assert list(numbers([])) == [1, 2]
    assert asyncio.run(use()) == [1, 2]


def test_variables_of_the_application_cross_the_border() -> None:
    """A context variable that the body sets is seen by the caller, as without the decorator."""
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    @vaquero.trace
    async def session() -> AsyncIterator[None]:
        variable.set("set")
        yield

    async def use() -> str:
        running = session()
        await running.__anext__()
        seen = variable.get()
        await running.aclose()
        return seen

    assert asyncio.run(use()) == "set"
