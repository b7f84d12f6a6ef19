"""Variables that the SDK cannot be imported with."""

from __future__ import annotations

import os

import pytest

from vaquero import _environ, config


def test_a_limit_that_is_no_number_is_taken_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK could not be imported with it; the settings name it as if it stood there still."""
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "many")
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "7")
    monkeypatch.setattr(_environ, "taken", {})

    _environ.drop_invalid_limits()
    settings = config.load()

    assert "OTEL_SPAN_EVENT_COUNT_LIMIT" not in os.environ
    assert settings["span_link_count_limit"] == 7
    assert settings["span_event_count_limit"] == 128
    assert settings.problems[0].name == "OTEL_SPAN_EVENT_COUNT_LIMIT"
