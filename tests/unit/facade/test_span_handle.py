"""Any attribute value is taken without exception or warning, on spans of any provider."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from opentelemetry import trace as trace_api

import vaquero
from vaquero.facade import span_handle
from vaquero.facade.span_handle import SpanHandle, takes_any_value

from .conftest import Spans


class Angry:
    def __str__(self) -> str:
        raise ValueError("no text")


VALUES: list[object] = [
    None,
    True,
    1,
    2**70,
    1.5,
    "text",
    b"\xff",
    [1, "mixed", None],
    {"a": {"b": [1, {"c": None}]}},
    {1: 2, "": 3},
    {1, 2},
    datetime.datetime(2026, 1, 2),
    Angry(),
    object(),
    "\ud800",
    "x" * 1_000_000,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_value_is_taken_in_silence(spans: Spans, silence: None, value: object) -> None:
    """At the start, later, in several at once, in events and as metadata: no word, no exception."""
    with vaquero.span("s", {"start": value}, metadata={"m": value}, more=value) as span:
        span.set_attribute("one", value)
        span.set_attributes({"many": value, "other": 1})
        span.add_event("e", {"in event": value})
        span.set_tag("tag", value)
        span.metadata["later"] = value

    assert spans.attributes("s")["other"] == 1
    if value is not None:
        kept = {"start", "vaquero.metadata.m", "more", "one", "many", "vaquero.metadata.later"}
        assert kept <= set(spans.attributes("s"))


def test_mappings_stay_mappings_where_the_span_keeps_them(spans: Spans) -> None:
    """A mapping arrives as one, or as JSON text of it where the SDK knows no mappings."""
    with vaquero.span("s") as span:
        span.set_attribute("m", {"cpu": 80, "deep": [1, {"a": None}]})
        span.set_attribute("n", None)

    got = spans.attributes("s")
    expected = {"cpu": 80, "deep": [1, {"a": None}]}
    if isinstance(got["m"], str):
        assert json.loads(got["m"]) == expected
        assert "n" not in got
    else:
        assert got["m"] == {"cpu": 80, "deep": (1, {"a": None})}
        assert got["n"] is None


def test_old_spans_get_json_text(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK takes scalars only, mappings are JSON text and None is left out."""
    monkeypatch.setattr(span_handle, "takes_any_value", lambda: False)
    with trace_api.get_tracer("app").start_as_current_span("s") as inside:
        wrapped = SpanHandle(inside)
        wrapped.set_attributes({"m": {"a": None}, "n": None, "mixed": [1, "a"], "b": b"x"})

    assert spans.attributes("s") == {"m": '{"a": null}', "mixed": '[1, "a"]', "b": "x"}


def test_what_the_sdk_takes_is_tried_in_silence(silence: None) -> None:
    """The trial whether the SDK takes mappings leaves no line in the log."""
    takes_any_value.cache_clear()

    assert takes_any_value() in (True, False)


@pytest.mark.parametrize("key", ["", 7, None, ("a", 1)])
def test_every_key_is_taken(spans: Spans, silence: None, key: Any) -> None:
    """A key that is empty or no text becomes text; the value is not lost."""
    with trace_api.get_tracer("app").start_as_current_span("s") as inside:
        SpanHandle(inside).set_attribute(key, 1)

    assert list(spans.attributes("s").values()) == [1]


def test_a_handle_is_the_span_it_stands_for(spans: Spans, silence: None) -> None:
    """Reading and writing through a handle reads and writes the span inside."""
    with trace_api.get_tracer("app").start_as_current_span("s") as inside:
        wrapped = SpanHandle(inside)
        assert isinstance(wrapped, trace_api.Span)
        assert wrapped.get_span_context() == inside.get_span_context()
        assert wrapped.span_inside is inside
        wrapped.update_name("renamed")
        wrapped.add_link(inside.get_span_context(), {"a": [1]})
        wrapped.set_status(trace_api.StatusCode.OK)
        assert wrapped.name == "renamed"
        assert wrapped.status.status_code is trace_api.StatusCode.OK
        assert len(wrapped.links) == 1
        assert wrapped.start_time == inside.start_time  # type: ignore[attr-defined]
        assert wrapped.is_recording()
        # What only this SDK's spans can do stays within reach.
        assert wrapped.to_json() == inside.to_json()  # type: ignore[attr-defined]

    assert spans.names() == ["renamed"]


def test_a_span_that_records_nothing_can_be_read() -> None:
    """A handle around a span of another process shows its ids and is empty otherwise."""
    context = trace_api.SpanContext(1, 2, True, trace_api.TraceFlags(1))
    wrapped = SpanHandle(trace_api.NonRecordingSpan(context))

    assert wrapped
    assert wrapped.trace_id == f"{1:032x}"
    assert wrapped.attributes == {}
    assert wrapped.events == ()
    assert wrapped.duration_ms is None
    wrapped.set_attribute("a", {"b": 1})
    wrapped.set_error(ValueError("x"))
    wrapped.finish()
    assert wrapped.to_dict()["status"] == "completed"
