"""Limits of spans, and values that nobody should have set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import Link, SpanContext, StatusCode

from vaquero.tracing import TracerProvider
from vaquero.tracing.limits import default_limits


def tracer_of(**limits: int) -> Any:
    """A tracer with these limits."""
    return TracerProvider(span_limits=SpanLimits(**limits), shutdown_on_exit=False).get_tracer("s")


def test_first_attributes_stay() -> None:
    """Over the limit the attributes that came first stay, and the others are counted."""
    tracer = tracer_of(max_span_attributes=3)
    span = tracer.start_span("name", Context(), attributes={"a": 1, "b": 2})
    for key in "cde":
        span.set_attribute(key, key)
    span.set_attributes({"a": 10, "f": 1})
    assert dict(span.attributes) == {"a": 10, "b": 2, "c": "c"}
    assert span.dropped_attributes == 3
    started = tracer.start_span("name", Context(), attributes={str(n): n for n in range(9)})
    assert (list(started.attributes), started.dropped_attributes) == (["0", "1", "2"], 6)


def test_first_events_and_links_stay() -> None:
    """Over the limit the events and links that came first stay, and the others are counted."""
    tracer = tracer_of(max_events=2, max_links=2, max_event_attributes=1, max_link_attributes=1)
    context = SpanContext(1, 2, False)
    link = Link(context, {"a": 1, "b": 2})
    span = tracer.start_span("name", Context(), links=[link] * 3)
    span.add_link(context)
    for name in ("one", "two", "three"):
        span.add_event(name, {"a": 1, "b": 2})
    assert [event.name for event in span.events] == ["one", "two"]
    assert (span.dropped_events, span.dropped_links, len(span.links)) == (1, 2, 2)
    assert [(dict(e.attributes), e.dropped_attributes) for e in span.events] == [({"a": 1}, 1)] * 2
    assert [(dict(e.attributes), e.dropped_attributes) for e in span.links] == [({"a": 1}, 1)] * 2


def test_texts_are_cut() -> None:
    """Texts over the length limit are cut, also inside sequences and mappings."""
    tracer = tracer_of(max_attribute_length=3)
    span = tracer.start_span("name", Context(), attributes={"a": "12345", "b": ["12345", 5]})
    span.set_attribute("c", "12345")
    span.set_attribute("d", {"deep": ("12345",)})
    span.add_event("event", {"a": "12345"})
    assert dict(span.attributes) == {
        "a": "123",
        "b": ("123", 5),
        "c": "123",
        "d": {"deep": ("123",)},
    }
    assert dict(span.events[0].attributes) == {"a": "123"}


def test_bad_limit_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit variable that is no number leaves the defaults in force."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many")
    assert default_limits().max_span_attributes == 128
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    assert tracer.start_span("name").is_recording()


def test_large_values_have_weight() -> None:
    """A span knows about how many bytes its large values hold."""
    tracer = tracer_of()
    span = tracer.start_span("name", Context(), attributes={"a": "x" * 1000, "b": "short"})
    span.set_attribute("c", "y" * 2000)
    span.add_event("event", {"d": "z" * 4000})
    assert span.weight == 7000
    assert tracer.start_span("name", Context(), attributes={"b": "short"}).weight == 0


def test_values_are_copied() -> None:
    """What the application changes later does not change the span."""
    tracer = tracer_of()
    items, given = [1], {"a": 1}
    span = tracer.start_span("name", Context(), attributes=given)
    span.set_attribute("items", items)
    items.append(2)
    given["b"] = 2
    assert dict(span.attributes) == {"a": 1, "items": (1,)}


class Broken(Mapping[str, Any]):
    """A mapping that cannot be read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no")

    def __iter__(self) -> Any:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
HOSTILE: list[Any] = [
    None,
    object(),
    Mute(),
    CYCLE,
    2**70,
    "\ud800",
    b"\xff",
    {"a": Mute()},
    Broken(),
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_no_value_raises(value: Any) -> None:
    """Whatever is handed to a span, in whatever place, the application goes on."""
    tracer = tracer_of()
    span = tracer.start_span(value, None, attributes={"key": value}, links=value)
    span.set_attribute("key", value)
    span.set_attribute(value, "value")
    span.set_attributes({"key": value})
    span.set_attributes(value)
    span.add_event(value, {"key": value})
    span.add_event("event", value)
    span.add_link(value, value)
    span.add_link(SpanContext(1, 2, False), {"key": value})
    span.set_status(value)
    span.set_status(StatusCode.ERROR, value)
    span.record_exception(value)
    span.record_exception(ValueError(value), {"key": value})
    span.record_exception(ValueError("text"), value)
    span.update_name(value)
    with tracer.start_as_current_span(value, attributes=value):
        pass
    span.end()
    assert not span.is_recording()


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_no_argument_of_a_start_raises(value: Any) -> None:
    """Arguments of the wrong kind give a span all the same."""
    tracer: Any = TracerProvider(shutdown_on_exit=False).get_tracer(value)
    for span in (
        tracer.start_span("name", value),
        tracer.start_span("name", kind=value),
        tracer.start_span("name", attributes=value),
        tracer.start_span("name", links=value),
        tracer.start_span("name", links=[value]),
    ):
        assert span.get_span_context().is_valid
        span.end()
