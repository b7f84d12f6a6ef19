"""Spans as blocks: what is current, what is recorded, and when they end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, StatusCode

from .conftest import Bench


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
