"""``vaquero.span``: a block, a bare object, and what exceptions do to it."""

from __future__ import annotations

import asyncio
import copy
import datetime
import threading

import pytest
from opentelemetry import baggage, context
from opentelemetry import trace as trace_api
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags

import vaquero

from .conftest import Spans


def test_a_block_is_a_span_and_blocks_nest(spans: Spans, silence: None) -> None:
    """A block becomes a span, current inside, a child of the one around it, and current no more."""
    with vaquero.span("outer") as outer:
        assert isinstance(outer, trace_api.Span)
        assert trace_api.get_current_span().get_span_context() == outer.get_span_context()
        with vaquero.span("inner") as inner:
            assert inner.parent_span_id == outer.span_id
            assert inner.trace_id == outer.trace_id

    assert not trace_api.get_current_span().get_span_context().is_valid
    assert spans.names() == ["inner", "outer"]
    assert spans.parent_of("inner") == "outer"


def test_spans_of_opentelemetry_and_of_the_facade_nest(spans: Spans, silence: None) -> None:
    """The facade shares the current span with everybody who uses OpenTelemetry."""
    tracer = trace_api.get_tracer("app")

    with tracer.start_as_current_span("a"), vaquero.span("b"):
        with tracer.start_as_current_span("c"):
            pass

    assert spans.parent_of("c") == "b"
    assert spans.parent_of("b") == "a"


def test_attributes_come_from_all_places(spans: Spans, silence: None) -> None:
    """Mapping, keywords, tags and metadata all become attributes of the span."""
    with vaquero.span(
        "s", {"a": 1}, tags={"team": "shop", "n": 3}, metadata={"v": 2}, items=4, kind="client"
    ):
        pass

    assert spans.attributes("s") == {
        "a": 1,
        "vaquero.tag.team": "shop",
        "vaquero.tag.n": "3",
        "vaquero.metadata.v": 2,
        "items": 4,
    }
    assert spans.one("s").kind is SpanKind.CLIENT


def test_links_and_start_time_are_handed_on(spans: Spans, silence: None) -> None:
    """Links and an explicit start time reach the span as given."""
    other = SpanContext(1, 2, True, TraceFlags(1))
    moment = datetime.datetime.fromtimestamp(2, datetime.timezone.utc)

    with vaquero.span("s", links=[Link(other)], start_time=1_000):
        pass
    with vaquero.span("t", start_time=moment):
        pass

    span = spans.one("s")
    assert span.start_time == 1_000
    assert spans.one("t").start_time == 2_000_000_000
    assert [link.context.span_id for link in span.links] == [2]


def test_the_context_around_a_span_stays(spans: Spans, silence: None) -> None:
    """Baggage set before is there inside; what was attached before is there afterwards."""
    token = context.attach(baggage.set_baggage("k", "v"))
    try:
        with vaquero.span("s"):
            assert baggage.get_baggage("k") == "v"
        assert baggage.get_baggage("k") == "v"
    finally:
        context.detach(token)


def test_an_async_block_is_a_span(spans: Spans, silence: None) -> None:
    """``async with`` gives the same span as ``with``."""

    async def work() -> None:
        async with vaquero.span("outer"):
            async with vaquero.span("inner") as inner:
                inner.set_attribute("a", 1)

    asyncio.run(work())

    assert spans.parent_of("inner") == "outer"
    assert spans.attributes("inner") == {"a": 1}


def test_concurrent_tasks_nest_rightly(spans: Spans, silence: None) -> None:
    """Children hang under the span of their own task, however the tasks interleave."""

    async def worker(number: int) -> None:
        with vaquero.span(f"worker {number}"):
            await asyncio.sleep(0)
            with vaquero.span(f"child {number}"):
                await asyncio.sleep(0)

    async def work() -> None:
        await asyncio.gather(*(worker(number) for number in range(4)))

    asyncio.run(work())

    for number in range(4):
        assert spans.parent_of(f"child {number}") == f"worker {number}"
        assert spans.parent_of(f"worker {number}") is None


def test_an_exception_passes_and_is_recorded(spans: Spans, silence: None) -> None:
    """The very same exception leaves the block; the span has event, status and error.type."""
    error = ValueError("wrong")

    with pytest.raises(ValueError, match="wrong") as caught, vaquero.span("s"):
        raise error

    span = spans.one("s")
    assert caught.value is error
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError: wrong"
    assert spans.attributes("s") == {"error.type": "ValueError"}
    (event,) = span.events
    assert event.name == "exception"
    assert dict(event.attributes or {})["exception.message"] == "wrong"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(0), GeneratorExit()])
def test_the_end_of_a_program_is_no_error(
    spans: Spans, silence: None, error: BaseException
) -> None:
    """What ends a program or a generator passes, and leaves no error on the span."""
    with pytest.raises(type(error)), vaquero.span("s"):
        raise error

    assert spans.one("s").status.status_code is StatusCode.UNSET
    assert spans.one("s").events == ()
    assert spans.attributes("s") == {}


def test_a_cancelled_task_is_marked_and_no_error(spans: Spans, silence: None) -> None:
    """Cancellation passes and leaves ``vaquero.cancelled`` instead of an error status."""

    async def work() -> None:
        started = asyncio.Event()

        async def slow() -> None:
            async with vaquero.span("s"):
                started.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(slow())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())

    assert spans.attributes("s") == {"vaquero.cancelled": True}
    assert spans.one("s").status.status_code is StatusCode.UNSET


def test_an_exception_without_a_text_is_recorded(spans: Spans, silence: None) -> None:
    """An exception whose text cannot be had passes unchanged and is on the span all the same."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(Mute), vaquero.span("s"):
        raise Mute

    span = spans.one("s")
    assert span.status.status_code is StatusCode.ERROR
    assert [event.name for event in span.events] == ["exception"]


def test_a_bare_object_is_a_span_until_finished(spans: Spans, silence: None) -> None:
    """Without ``with`` the span starts at its first use, is not current, and ends by finish."""
    span = vaquero.span("s", a=1)

    assert spans.all() == []
    span.set_attribute("b", 2)
    assert span.is_recording()
    assert not vaquero.get_current_span()
    span.finish()
    span.finish()

    assert not span.is_recording()
    assert spans.attributes("s") == {"a": 1, "b": 2}
    assert isinstance(span, trace_api.Span)


def test_a_bare_object_that_is_never_used_is_no_span(spans: Spans) -> None:
    """An object that nobody asks for anything starts nothing, nor does one that tools look at."""
    scope = vaquero.span("s")
    assert repr(scope) == "<vaquero.span 's'>"
    assert not hasattr(scope, "_repr_html_")
    assert copy.copy(scope)
    assert scope
    del scope

    assert spans.all() == []


def test_a_bare_object_can_be_entered_later(spans: Spans, silence: None) -> None:
    """A span that was started as an object becomes current where it is entered."""
    span = vaquero.span("s")
    span.set_attribute("a", 1)
    with span as entered:
        entered.set_attribute("b", 2)
        with vaquero.span("child"):
            pass

    assert spans.attributes("s") == {"a": 1, "b": 2}
    assert spans.parent_of("child") == "s"


def test_a_bare_object_is_made_current_by_opentelemetry(spans: Spans, silence: None) -> None:
    """OpenTelemetry's own functions take the object as the span it is."""
    with vaquero.span("around"):
        span = vaquero.span("s")
        with trace_api.use_span(span, end_on_exit=True), vaquero.span("child"):
            assert vaquero.get_current_trace_id() == span.trace_id

    assert spans.parent_of("child") == "s"
    assert spans.parent_of("s") == "around"


def test_a_scope_can_be_entered_again(spans: Spans, silence: None) -> None:
    """One object entered twice, one after the other or inside itself, makes two spans."""
    scope = vaquero.span("s")
    with scope:
        with scope:
            with vaquero.span("inmost"):
                pass
        with vaquero.span("inner"):
            pass
    with scope:
        pass

    by_id = {span.context.span_id: span for span in spans.all() if span.context}
    first = spans.one("inner").parent
    second = spans.one("inmost").parent
    assert spans.names().count("s") == 3
    assert first is not None
    assert second is not None
    assert by_id[second.span_id].parent == first
    assert not vaquero.get_current_span()


def test_finishing_inside_the_block_is_fine(spans: Spans, silence: None) -> None:
    """A span ended by hand is not ended again, and nobody is warned."""
    with vaquero.span("s") as span:
        span.finish()

    assert spans.names() == ["s"]


def test_leaving_in_another_task_is_silent(spans: Spans, silence: None) -> None:
    """A block entered in one task and left in another ends its span without a word."""
    scope = vaquero.span("s")

    async def enter() -> None:
        scope.__enter__()

    async def leave() -> None:
        scope.__exit__(None, None, None)

    asyncio.run(enter())
    asyncio.run(leave())

    assert spans.names() == ["s"]


def test_a_new_thread_begins_a_trace_of_its_own(spans: Spans, silence: None) -> None:
    """Without carrying the context a thread's span has no parent."""

    def work() -> None:
        with vaquero.span("child"):
            pass

    with vaquero.span("parent"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    assert spans.parent_of("child") is None


def test_the_original_name_of_the_name_is_accepted(spans: Spans, silence: None) -> None:
    """``operation_name=`` names the span, as in the original."""
    with vaquero.span(operation_name="s"):
        pass

    assert spans.names() == ["s"]
