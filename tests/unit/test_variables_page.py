"""The table of the variables: complete, and the same as its page."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from scripts.variables_table import VARIABLES
from vaquero.config.table import SETTINGS

NAMES = {row.name for row in VARIABLES}


def test_the_page_is_what_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python scripts/variables_page.py` was run after the last change."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "scripts"))
    script: Any = importlib.import_module("variables_page")

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
