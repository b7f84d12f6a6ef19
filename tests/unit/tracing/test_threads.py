"""Context goes along into threads, timers and pools."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span

from vaquero.tracing import threads

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("test")


@pytest.fixture(autouse=True)
def carrying() -> Iterator[None]:
    """Context is carried during each test."""
    stop = threads.carry()
    yield
    stop()


def _seen() -> int:
    return get_current_span().get_span_context().span_id


def _join(thread: threading.Thread) -> None:
    thread.start()
    thread.join(10)


def test_a_thread_sees_the_span_that_was_current_at_its_start() -> None:
    """Started inside a span, the thread is inside that span."""
    seen: list[int] = []
    with TRACER.start_as_current_span("outer") as span:
        _join(threading.Thread(target=lambda: seen.append(_seen())))

    assert seen == [span.get_span_context().span_id]


def test_a_subclass_with_its_own_run_sees_it_too() -> None:
    """Overriding run, as many libraries do, changes nothing."""
    seen: list[int] = []

    class Worker(threading.Thread):
        def run(self) -> None:
            seen.append(_seen())

    with TRACER.start_as_current_span("outer") as span:
        _join(Worker())

    assert seen == [span.get_span_context().span_id]


def test_a_timer_sees_it_too() -> None:
    """A timer is a thread."""
    seen: list[int] = []
    with TRACER.start_as_current_span("outer") as span:
        _join(threading.Timer(0, lambda: seen.append(_seen())))

    assert seen == [span.get_span_context().span_id]


def test_each_piece_of_work_in_a_pool_has_the_context_of_its_submitter() -> None:
    """The thread that serves them keeps none of the contexts."""
    expected: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        seen = []
        for name in ("a", "b"):
            with TRACER.start_as_current_span(name) as span:
                expected.append(span.get_span_context().span_id)
                seen.append(pool.submit(_seen))
        expected.append(trace.INVALID_SPAN_ID)
        seen.append(pool.submit(_seen))

    assert [future.result() for future in seen] == expected


def test_work_handed_over_by_an_event_loop_has_it() -> None:
    """run_in_executor goes through the pool."""

    async def main() -> tuple[int, int]:
        with TRACER.start_as_current_span("outer") as span:
            inner = await asyncio.get_running_loop().run_in_executor(None, _seen)
            return span.get_span_context().span_id, inner

    outer, inner = asyncio.run(main())

    assert outer == inner


def test_a_finished_thread_is_freed() -> None:
    """Carrying makes no reference cycle that keeps a thread alive."""
    gc.disable()
    try:
        with TRACER.start_as_current_span("outer"):
            thread = threading.Thread(target=_seen)
            _join(thread)
        gone = weakref.ref(thread)
        del thread
        assert gone() is None
    finally:
        gc.enable()


def test_exceptions_of_the_work_pass_unchanged() -> None:
    """The future of a failed piece of work holds the very same exception."""
    error = ValueError("mine")

    def fail() -> None:
        raise error

    with ThreadPoolExecutor(1) as pool, TRACER.start_as_current_span("outer"):
        future = pool.submit(fail)

    assert future.exception() is error


def test_stopping_gives_python_back_its_own() -> None:
    """After the stop threads begin without a context again."""
    stop = threads.carry()  # Carrying already: this one must not stop the other.
    stop()
    seen: list[int] = []
    with TRACER.start_as_current_span("outer") as span:
        _join(threading.Thread(target=lambda: seen.append(_seen())))

    assert seen == [span.get_span_context().span_id]
