"""Arguments of ``vaquero.span`` that have to be made usable."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

import vaquero

from .conftest import Spans

BAD_NAMES = [("", "unnamed"), (None, "unnamed"), (7, "7"), (object(), "unnamed"), (b"x", "x")]


@pytest.mark.parametrize(("name", "expected"), BAD_NAMES)
def test_a_bad_name_gets_a_span_and_one_warning(
    spans: Spans, caplog: pytest.LogCaptureFixture, name: Any, expected: str
) -> None:
    """An empty name or one that is no text is replaced by a sensible one, and said once."""
    for _ in range(3):
        with vaquero.span(name):
            pass

    assert spans.names() == [expected] * 3
    said = [record for record in caplog.records if record.name.startswith("vaquero")]
    assert len(said) == 1
    assert "is invalid; valid: non-empty text; using" in said[0].getMessage()


def test_a_text_of_another_class_is_a_name(spans: Spans, silence: None) -> None:
    """A member of an enumeration of texts names a span by its text, without a word."""

    class Names(str, enum.Enum):
        PAY = "pay"

    with vaquero.span(Names.PAY):
        pass

    assert spans.names() == ["pay"]
    assert type(spans.all()[0].name) is str


def test_bad_attributes_and_kinds_are_said_and_lose_nothing(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    """Attributes that are no mapping are kept as one; an unknown kind becomes INTERNAL."""
    bad: Any = [1, 2]
    with vaquero.span("s", bad, kind="sideways", links=bad, start_time=bad, tags=bad) as span:
        span.set_attributes(bad)

    assert spans.attributes("s") == {"vaquero.attributes": (1, 2), "vaquero.tags": (1, 2)}
    assert spans.one("s").links == ()
    assert isinstance(spans.one("s").start_time, int)
    assert spans.one("s").kind is SpanKind.INTERNAL
    text = caplog.text
    assert "attributes=(1, 2) (from argument) is invalid; valid: a mapping; using" in text
    assert "kind='sideways' (from argument) is invalid; valid: one of INTERNAL" in text
