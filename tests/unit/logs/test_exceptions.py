"""What an exception becomes on a log record, from wherever the record comes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import vaquero
from vaquero._exceptions import MAX_FRAMES
from vaquero.logs.bridge import Bridge
from vaquero.logs.libraries.feed import Feed
from vaquero.logs.uncaught import Uncaught
from vaquero.testing import capture

if TYPE_CHECKING:
    from collections.abc import Callable

WHO = Resource({"service.name": "s"})

#: What the SDK still writes on events of spans, and only there.
ESCAPED = "exception.escaped"


def _bridge(put: Callable[[Any], None]) -> Bridge:
    return Bridge(put, lambda: WHO, logging.INFO)


def _by_standard_library(put: Callable[[Any], None], error: BaseException) -> None:
    exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("app", logging.ERROR, __file__, 1, "failed", (), exc_info)
    _bridge(put).take(record)


def _by_feed(put: Callable[[Any], None], error: BaseException) -> None:
    Feed(put, _bridge(put), logging.INFO).send(
        name="app",
        level=logging.ERROR,
        level_name="ERROR",
        body="failed",
        extra={},
        place=(__file__, "function", 1),
        error=error,
    )


def _uncaught(put: Callable[[Any], None], error: BaseException) -> None:
    Uncaught(put, lambda: WHO, InstrumentationScope("test")).take(error, "main", 50)


#: The standard library's records, those of loguru and structlog, and what nobody caught.
SOURCES = [_by_standard_library, _by_feed, _uncaught]


def _raised(levels: int, text: str = "boom") -> ValueError:
    def first(left: int) -> None:
        if not left:
            raise ValueError(text)
        second(left - 1)

    def second(left: int) -> None:
        first(left)

    try:
        first(levels)
    except ValueError as error:
        return error
    raise AssertionError


def _logged(source: Callable[..., None], error: BaseException) -> dict[str, Any]:
    rows: list[Any] = []
    source(rows.append, error)
    (row,) = rows
    return {key: text for key, text in row.attributes.items() if key.startswith("exception.")}


@pytest.mark.parametrize("source", SOURCES)
def test_a_log_says_of_an_exception_what_a_span_says(source: Callable[..., None]) -> None:
    """Type, message and stack trace of a log record are those of a span's event."""
    error = _raised(3)
    with capture() as seen, vaquero.span("span") as span:
        span.record_exception(error)
    event = dict(seen.spans[0].events[0].attributes or {})
    event.pop(ESCAPED)

    logged = _logged(source, error)

    assert logged["exception.message"] == "boom"
    assert logged == event


@pytest.mark.parametrize("source", SOURCES)
def test_a_deep_traceback_is_cut_in_logs_too(source: Callable[..., None]) -> None:
    """A recursion that fails at its bottom is logged with its innermost frames only."""
    stack = _logged(source, _raised(MAX_FRAMES * 2))["exception.stacktrace"]

    assert stack.startswith(f"[only the innermost {MAX_FRAMES} frames")
    assert stack.count(__file__) == MAX_FRAMES
    assert stack.endswith("ValueError: boom\n")


@pytest.mark.parametrize("source", SOURCES)
def test_an_exception_that_cannot_be_printed_is_logged(source: Callable[..., None]) -> None:
    """An exception whose text raises arrives with a remark in the place of its message."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    logged = _logged(source, Mute())

    assert logged["exception.type"].endswith("Mute")
    assert logged["exception.message"] == "<not readable (RuntimeError)>"


@pytest.mark.parametrize("source", SOURCES)
def test_an_endless_message_is_cut(source: Callable[..., None]) -> None:
    """The message of an exception is bounded as every other value is."""
    message = _logged(source, _raised(0, "x" * 2_000_000))["exception.message"]

    assert len(message) < 1_100_000
    assert message.endswith("characters cut]")
