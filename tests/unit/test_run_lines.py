"""The two lines of ``vaquero run`` on a terminal."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vaquero import config, run_lines
from vaquero.run_lines import SpanCounts, exit_line, start_line


def _settings(**environ: str) -> config.Settings:
    return config.load(environ=environ)


def test_the_start_line_says_where_to_and_how_to_silence() -> None:
    """Destination without credentials, service, the way to silence, what is not instrumented."""
    line = start_line(
        _settings(
            OTEL_EXPORTER_OTLP_ENDPOINT="http://me:hunter2@otel:4318", OTEL_SERVICE_NAME="shop"
        ),
        {"redis": "database spans", "flask": "server spans"},
    )
    assert "http://otel:4318 as 'shop'" in line
    assert "hunter2" not in line
    assert "VAQUERO_QUIET=1" in line
    assert "flask (server spans), redis (database spans)" in line
    assert "vaquero instrument install" in line
    assert "\n" not in line


def test_the_start_line_says_where_to_look_when_nobody_named_an_endpoint() -> None:
    """At the default address the viewer is what shows it."""
    assert "vaquero view" in start_line(_settings(), {})


def test_many_libraries_are_counted() -> None:
    """The line stays one line."""
    line = start_line(_settings(), dict.fromkeys("fedcba", "spans"))
    assert "a (spans), b (spans), c (spans), d (spans) and 2 more." in line


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (SpanCounts(12), "vaquero: 12 spans sent."),
        (
            SpanCounts(1, 2, 3),
            "vaquero: 1 span sent, 2 kept for later (vaquero spool list), 3 dropped.",
        ),
    ],
)
def test_the_exit_line_names_what_is_not_zero(counts: SpanCounts, line: str) -> None:
    """Sent always; kept and dropped only where there is any."""
    assert exit_line(counts) == line


def _sdk(sent: int, accepted: int, dropped: int = 0) -> Any:
    stats = {"spans_sent": sent, "spans_accepted": accepted, "spans_dropped": dropped}
    return SimpleNamespace(get_stats=lambda: stats)


def test_the_first_process_adds_up_and_removes_the_tally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other processes note their counts; the first one prints the sum, once."""
    tally = tmp_path / "tally"
    tally.touch()
    monkeypatch.setattr(run_lines, "_sdk", _sdk(sent=3, accepted=5, dropped=1))
    monkeypatch.setenv("VAQUERO_RUN_LINES", f"{os.getpid() + 1}:{tally}")
    run_lines._at_exit()
    run_lines._at_exit()
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("VAQUERO_RUN_LINES", f"{os.getpid()}:{tally}")
    run_lines._at_exit()
    assert capsys.readouterr().err == (
        "vaquero: 9 spans sent, 3 kept for later (vaquero spool list), 3 dropped.\n"
    )
    assert not tally.exists()


@pytest.mark.parametrize("value", ["", "0:", "x:/tmp/a", "7"])
def test_outside_of_vaquero_run_nothing_is_said(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a tally, or with a variable that is not ours, no line and no failure."""
    monkeypatch.setenv("VAQUERO_RUN_LINES", value)
    monkeypatch.setattr(run_lines, "_sdk", _sdk(1, 1))
    run_lines.print_start_line()
    run_lines._at_exit()
    assert capsys.readouterr().err == ""
