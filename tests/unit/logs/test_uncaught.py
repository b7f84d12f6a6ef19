"""Exceptions that nobody caught become events."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vaquero.logs.record import LazyLogRecord
from vaquero.logs.uncaught import Uncaught
from vaquero.tracing import TracerProvider

WHO = Resource({"service.name": "s"})
SCOPE = InstrumentationScope("test")


def test_uncaught_exceptions_of_threads_are_events_with_the_span_they_broke() -> None:
    """The event names the innermost span, and Python's own hook still speaks."""
    rows: list[LazyLogRecord] = []
    told: list[Any] = []
    before, threading.excepthook = threading.excepthook, told.append
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    spans: list[Any] = []

    def work() -> None:
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner") as span:
            spans.append(span)
            raise ValueError("broken")

    stop = Uncaught(rows.append, lambda: WHO, SCOPE).install()
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
    finally:
        stop()
        threading.excepthook = before

    (row,) = rows
    assert (row.event_name, row.attributes["exception.type"]) == ("exception", "ValueError")
    assert row.attributes["vaquero.exception.source"] == "thread"
    assert row.span_id == spans[0].get_span_context().span_id
    assert len(told) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_leaving_on_purpose_is_no_event(error: BaseException) -> None:
    """Ctrl-C and exit are no failures."""
    rows: list[LazyLogRecord] = []
    Uncaught(rows.append, lambda: WHO, SCOPE).take(error, "main", 50)

    assert rows == []
