"""``vaquero spool``: from an outage to delivery, by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support.otlp_receiver import OtlpReceiver
from tests.support.processes import free_port

from .programs import run

CLI = [sys.executable, "-m", "vaquero.cli", "spool"]


def test_what_an_outage_left_is_listed_and_drained_once(tmp_path: Path) -> None:
    """Spans of a program whose backend was away are shown, sent by drain, and then gone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    state = {"XDG_STATE_HOME": str(tmp_path), "VAQUERO_GAUGES": "false"}
    run([sys.executable, "plain.py"], url, **state)

    listed = run(["list", "--json"], url, launcher=CLI, **state)
    entries = json.loads(listed.stdout)["entries"]
    assert [entry["signals"]["traces"] for entry in entries if "traces" in entry["signals"]] == [3]
    assert {entry["state"] for entry in entries} == {"orphaned"}
    assert "3 spans" in run(["list"], url, launcher=CLI, **state).stdout

    away = run(["drain", "--timeout", "2"], url, launcher=CLI, **state)
    assert away.returncode == 1
    assert "0 items sent" in away.stdout

    with OtlpReceiver(port) as receiver:
        drained = run(["drain"], url, launcher=CLI, **state)
        assert drained.returncode == 0, drained.stdout + drained.stderr
        assert len(receiver.named("work")) == 3
    assert "Nothing waits" in run(["list"], url, launcher=CLI, **state).stdout


def test_clear_deletes_what_nobody_sends(tmp_path: Path) -> None:
    """What ended programs left is deleted, and said how much."""
    url = f"http://127.0.0.1:{free_port()}"
    state = {"XDG_STATE_HOME": str(tmp_path), "VAQUERO_GAUGES": "false", "VAQUERO_LOGS": "false"}
    run([sys.executable, "plain.py"], url, OTEL_METRICS_EXPORTER="none", **state)
    cleared = run(["clear", "--yes"], url, launcher=CLI, **state)
    assert cleared.stdout.startswith("3 items deleted")
    assert run(["clear"], url, launcher=CLI, **state).stdout.startswith("Nothing to delete")


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """A file in the spool's place is named, and the exit code says so."""
    (tmp_path / "taken").write_text("x")
    done = run(
        ["list"], "http://127.0.0.1:9", launcher=CLI, VAQUERO_SPOOL_DIR=str(tmp_path / "taken")
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "spool" in done.stderr
