"""The original's methods and fields on spans of any provider."""

from __future__ import annotations

import datetime
import enum

import pytest
from opentelemetry.trace import Status, StatusCode

import vaquero
from tests.unit.facade.conftest import Spans

KEYS = {
    "trace_id", "span_id", "parent_span_id", "agent_name", "function_name", "start_time",
    "end_time", "duration_ms", "status", "inputs", "outputs", "error", "tags", "metadata",
    "attributes", "input_tokens", "output_tokens", "total_tokens", "cost", "model_name",
    "model_provider", "system_prompt", "prompt_name", "prompt_version", "prompt_parameters",
    "prompt_hash",
}  # fmt: skip


def test_fields_are_attributes_of_conventional_names(spans: Spans, silence: None) -> None:
    """Setting a field of the original sets OpenTelemetry's attribute, and reading reads it."""
    with vaquero.span("s") as span:
        span.agent_name = "bot"
        span.input_tokens = 3
        span.output_tokens = 4
        span.cost = 0.5
        span.model_name = "m"
        span.model_provider = "p"
        span.system_prompt = "be kind"
        span.prompt_name = "n"
        span.prompt_version = "1"
        span.prompt_parameters = {"a": [1]}
        span.inputs = {"question": 1}
        span.outputs = ["answer"]
        assert span.total_tokens == 7
        assert span.prompt_parameters == {"a": [1]}
        assert span.inputs == {"question": 1}
        assert span.outputs == ["answer"]
        span.total_tokens = 9
        assert span.total_tokens == 9
        assert span.get_attribute("vaquero.agent.name") == "bot"
        assert span.get_attribute("absent", "default") == "default"

    assert spans.attributes("s") == {
        "vaquero.agent.name": "bot",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
        "vaquero.usage.total_tokens": 9,
        "vaquero.usage.cost_usd": 0.5,
        "gen_ai.request.model": "m",
        "gen_ai.provider.name": "p",
        "gen_ai.system_instructions": "be kind",
        "gen_ai.prompt.name": "n",
        "vaquero.prompt.version": "1",
        "vaquero.prompt.parameters": '{"a": [1]}',
        "vaquero.input": '{"question": 1}',
        "vaquero.output": '["answer"]',
    }


def test_fields_of_a_fresh_span_are_empty(spans: Spans) -> None:
    """Without values the fields are what the original's were: empty, zero or None."""
    with vaquero.span("s") as span:
        assert span.agent_name == ""
        assert (span.input_tokens, span.output_tokens, span.total_tokens) == (0, 0, 0)
        assert span.cost == 0.0
        assert span.model_name is None
        assert span.inputs == {}
        assert span.prompt_parameters == {}
        assert span.error is None
        assert dict(span.tags) == {}
        assert span.parent_span_id is None


def test_tags_and_metadata_are_live_mappings(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    """Tags and metadata can be set one by one or as a whole; removing one is refused in words."""
    with vaquero.span("s", tags={"a": "1"}) as span:
        span.set_tag("b", 2)
        span.tags["c"] = "3"
        span.metadata = {"x": 1}
        span.metadata.update(y=2)
        assert dict(span.tags) == {"a": "1", "b": "2", "c": "3"}
        assert dict(span.metadata) == {"x": 1, "y": 2}
        assert len(span.tags) == 3
        del span.tags["a"]
        assert span.tags["a"] == "1"

    assert spans.attributes("s")["vaquero.metadata.y"] == 2
    assert "cannot be removed" in caplog.text


def test_an_error_can_be_set_and_the_span_goes_on(spans: Spans, silence: None) -> None:
    """``set_error`` records and marks, but does not end the span."""
    with vaquero.span("s") as span:
        try:
            raise KeyError("k")
        except KeyError as error:
            span.set_error(error)
        assert span.is_recording()
        assert span.error is not None
        assert span.error["type"] == "KeyError"
        assert "KeyError" in span.error["traceback"]
        assert span.to_dict()["status"] == "failed"

    assert spans.one("s").status.status_code is StatusCode.ERROR


def test_an_error_can_be_a_text(spans: Spans, silence: None) -> None:
    """An error that is a text becomes the description of the status."""
    with vaquero.span("s") as span:
        span.set_error("went wrong")
        assert span.error == {"type": "", "message": "went wrong", "traceback": ""}

    assert spans.one("s").status.description == "went wrong"


class Words(enum.Enum):
    FAILED = "failed"


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (None, StatusCode.UNSET, "completed"),
        ("completed", StatusCode.UNSET, "completed"),
        ("failed", StatusCode.ERROR, "failed"),
        (Words.FAILED, StatusCode.ERROR, "failed"),
        ("cancelled", StatusCode.UNSET, "cancelled"),
        (StatusCode.OK, StatusCode.OK, "completed"),
        (Status(StatusCode.ERROR, "why"), StatusCode.ERROR, "failed"),
    ],
)
def test_finish_takes_the_originals_status(
    spans: Spans, silence: None, status: object, code: StatusCode, word: str
) -> None:
    """The original's words and OpenTelemetry's status both end the span with the right status."""
    span = vaquero.span("s")
    assert span.to_dict()["status"] == "running"
    span.finish(status)

    assert spans.one("s").status.status_code is code
    assert span.to_dict()["status"] == word


def test_names_of_both_keep_opentelemetrys_meaning(spans: Spans) -> None:
    """``status``, ``attributes``, times and name are OpenTelemetry's on the span itself."""
    with vaquero.span("s", a=1) as span:
        assert span.status.status_code is StatusCode.UNSET
        assert dict(span.attributes or {}) == {"a": 1}
        assert isinstance(span.start_time, int)
        assert span.end_time is None
        assert span.name == span.operation_name == "s"
        span.operation_name = "renamed"

    assert spans.names() == ["renamed"]


def test_to_dict_has_the_originals_layout(spans: Spans, silence: None) -> None:
    """``to_dict`` has the 26 keys, ISO times, hexadecimal ids and the status as a word."""
    with vaquero.span("outer"), vaquero.span("s", tags={"t": "1"}) as span:
        running = span.to_dict()
    done = span.to_dict()

    assert set(done) == KEYS
    assert len(KEYS) == 26
    assert running["status"] == "running"
    assert running["duration_ms"] is None
    assert done["status"] == "completed"
    assert done["duration_ms"] >= 0
    assert len(done["trace_id"]) == 32
    assert len(done["span_id"]) == len(done["parent_span_id"]) == 16
    assert datetime.datetime.fromisoformat(done["start_time"]).utcoffset() == datetime.timedelta(0)
    assert done["tags"] == {"t": "1"}
    assert done["agent_name"] == "s"
