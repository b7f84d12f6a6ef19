"""``vaquero config``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vaquero.cli.group import dispatch
from vaquero.config import SETTINGS, packages


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pyproject.toml of this project is read."""
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_listed_with_its_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Environment, project file and default are told apart."""
    (tmp_path / "pyproject.toml").write_text("[tool.vaquero]\nservice_name = 'herd'\n")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
    assert dispatch(["config", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    gauges = {row.name for _, row in packages.rows()}
    assert set(rows) == {setting.name for setting in SETTINGS} | gauges
    assert len(gauges) == 11
    assert (rows["service_name"]["value"], rows["service_name"]["source"]) == (
        "herd",
        "pyproject.toml",
    )
    assert rows["metric_interval_ms"]["source"] == "environment"
    assert rows["redact"]["source"] == "default"


@pytest.mark.parametrize("form", [[], ["--json"], ["--changed"]])
def test_secrets_are_masked_in_every_form(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither headers nor keys nor the password of an address are printed."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2")
    monkeypatch.setenv("VAQUERO_API_KEY", "hunter2")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@host:4318")
    assert dispatch(["config", *form]) == 0
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err
    assert "********" in said.out


def test_an_invalid_value_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and name, value, source and what is valid on one line."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "soon")
    assert dispatch(["config", "--changed"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "OTEL_BSP_SCHEDULE_DELAY='soon' (from environment)" in said


def test_piped_output_is_whole_and_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    """No cell is cut and no escape code is printed where stdout is no terminal."""
    dispatch(["config"])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION" in shown
