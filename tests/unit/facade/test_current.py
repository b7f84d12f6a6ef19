"""``vaquero.get_current_span`` and the ids of the current span."""

from __future__ import annotations

from opentelemetry import trace as trace_api

import vaquero
from vaquero.facade.span_handle import NOOP

from .conftest import Spans


def test_there_is_a_false_span_where_there_is_none() -> None:
    """Outside of all spans the current span is false, takes everything and keeps nothing."""
    none = vaquero.get_current_span()

    assert not none
    assert none is NOOP
    assert isinstance(none, trace_api.Span)
    none.set_attribute("a", {"b": 1})
    none.set_attributes({"a": 1})
    none.add_event("e", {"a": object()})
    none.set_tag("a", 1)
    none.set_error(ValueError())
    none.record_exception(ValueError())
    none.input_tokens = 3
    none.finish()
    assert none.to_dict()["attributes"] == {}
    assert none.duration_ms is None
    assert vaquero.get_current_trace_id() is None
    assert vaquero.get_current_span_id() is None


def test_the_current_span_is_true_whoever_started_it(spans: Spans, silence: None) -> None:
    """A span of OpenTelemetry is current for the facade too, and takes any value."""
    with trace_api.get_tracer("app").start_as_current_span("s"):
        current = vaquero.get_current_span()
        assert current
        current.set_attribute("a", {"b": None})
        current.set_tag("t", 1)
        assert vaquero.get_current_span_id() == current.span_id
        assert vaquero.get_current_trace_id() == current.trace_id

    assert spans.attributes("s")["vaquero.tag.t"] == "1"
    assert "a" in spans.attributes("s")
