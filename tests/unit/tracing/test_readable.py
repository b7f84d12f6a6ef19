"""What third-party code reads from our spans, and what it writes to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from vaquero.tracing import TracerProvider

PRIVATE = [
    "_name",
    "_kind",
    "_context",
    "_parent",
    "_start_time",
    "_end_time",
    "_status",
    "_attributes",
    "_events",
    "_links",
    "_resource",
    "_instrumentation_scope",
    "_instrumentation_info",
    "_limits",
    "_sampler",
    "_span_processor",
    "_trace_config",
    "_record_exception",
    "_set_status_on_exception",
    "_lock",
]


def filled(kind: type[SdkTracerProvider]) -> Any:
    """A span with something of everything."""
    provider = kind(resource=Resource({"a": "b"}), shutdown_on_exit=False)
    tracer = provider.get_tracer("scope", "1", "https://schema")
    parent = SpanContext(5, 6, True, trace.TraceFlags(1))
    context = trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())
    link = Link(SpanContext(1, 2, False), {"a": 1})
    span: Any = tracer.start_span(
        "name", context, SpanKind.CLIENT, {"a": 1, "b": [1]}, [link], start_time=1
    )
    span.add_event("event", {"c": 2}, timestamp=2)
    span.set_status(Status(StatusCode.ERROR, "text"))
    span.end(3)
    return span


@pytest.fixture
def span() -> Any:
    """An ended span of ours."""
    return filled(TracerProvider)


@pytest.mark.parametrize("name", PRIVATE)
def test_private_names_are_of_the_sdks_types(span: Any, name: str) -> None:
    """Each private attribute of the SDK's span is there, with a value of the same class."""
    theirs = getattr(filled(SdkTracerProvider), name)
    ours = getattr(span, name)
    if name == "_lock":
        with ours:
            return
    assert isinstance(ours, type(theirs)) and (theirs is None) == (ours is None)


def test_json_is_that_of_the_sdk(span: Any) -> None:
    """``to_json`` shows what the SDK's span shows, but for the random span id."""
    ours, theirs = json.loads(span.to_json()), json.loads(filled(SdkTracerProvider).to_json())
    for said in (ours, theirs):
        said["context"].pop("span_id")
    assert ours == theirs


def test_readable_copy(span: Any) -> None:
    """The SDK's own way to a read-only copy works on our span."""
    copy = span._readable_span()
    assert type(copy) is ReadableSpan
    assert json.loads(copy.to_json()) == json.loads(span.to_json())
    assert copy.dropped_attributes == copy.dropped_events == copy.dropped_links == 0


def test_what_is_written_arrives(span: Any) -> None:
    """Code that writes the SDK's private attributes changes the span."""
    span._name = "other"
    span._attributes = {"x": 1}
    span._status = Status(StatusCode.OK)
    span._events = [Event("event2", {"y": 2}, timestamp=4)]
    span._links = []
    span._resource = Resource({"c": "d"})
    span._context = SpanContext(7, 8, False)
    span._parent = None
    said = json.loads(span.to_json())
    assert (said["name"], said["attributes"], said["status"]) == (
        "other",
        {"x": 1},
        {"status_code": "OK"},
    )
    assert (span.title, span.attrs, span.trace_no, span.parent_no) == ("other", {"x": 1}, 7, 0)
    assert [event["name"] for event in said["events"]] == ["event2"]
    assert said["resource"]["attributes"] == {"c": "d"} and said["links"] == []


def test_running_span_takes_attributes_by_its_mapping() -> None:
    """The SDK's mapping of a running span's attributes writes to the span."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    span: Any = tracer.start_span("name", Context())
    assert isinstance(span._attributes, BoundedAttributes)
    span._attributes["a"] = 1
    assert dict(span.attributes) == {"a": 1}
    span.end()
    with pytest.raises(TypeError):
        span._attributes["b"] = 2


def test_other_attributes_can_be_put_on_a_span(span: Any) -> None:
    """Code that hangs something of its own on a span can do so."""
    span._my_marker = 1
    assert span._my_marker == 1
