"""The table of the variables: complete, and the same as its page."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from vaquero import _environ, config
from vaquero.config.table import SETTINGS
from vaquero.config.variables import VARIABLES

ROOT = Path(__file__).resolve().parents[3]
NAMES = {row.name for row in VARIABLES}


def _script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_table_says() -> None:
    """`python scripts/variables_page.py` was run after the last change."""
    script = _script("variables_page")

    assert script.PAGE.read_text("utf-8") == script.page()


def test_every_variable_of_the_settings_is_in_the_table() -> None:
    """What vaquero reads is told."""
    read = {name for row in SETTINGS for name in row.env if name.startswith("OTEL_")}

    assert read <= NAMES


def test_every_variable_that_upstream_declares_is_in_the_table() -> None:
    """The API's, the SDK's and the instrumentations' modules of variables hold none more."""
    declared: set[str] = set()
    for point in entry_points(group="opentelemetry_environment_variables"):
        if point.name == "vaquero":
            continue
        declared |= {name for name in dir(point.load()) if name.startswith("OTEL_")}

    # Older SDKs still name those of the Jaeger exporter, which the specification took out in 2023.
    removed = {name for name in declared if name.startswith("OTEL_EXPORTER_JAEGER_")}
    assert declared - removed <= NAMES


def test_each_row_stands_once_and_says_why() -> None:
    """No variable is told of twice, and none without a word."""
    assert len(NAMES) == len(VARIABLES)
    assert all(row.note for row in VARIABLES)


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
