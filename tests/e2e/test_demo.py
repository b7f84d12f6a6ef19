"""``vaquero demo`` and the examples: what a newcomer types first."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.otlp_receiver import OtlpReceiver

from .programs import APPS, environ, run

EXAMPLES = APPS.parent.parent.parent / "examples"


@pytest.mark.slow
def test_the_demo_reads_back_what_it_sent(tmp_path: Path) -> None:
    """It ends by itself with 0, after one server span for each request and all gauges."""
    done = subprocess.run(
        [sys.executable, "-m", "vaquero.cli", "demo", "--seconds", "3"],
        env=environ("http://127.0.0.1:9", XDG_STATE_HOME=str(tmp_path)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"(\d+) requests .*, (\d+) server spans read back", done.stdout)
    assert found is not None, done.stdout
    assert int(found[1]) == int(found[2]) > 0
    for shown in ("catalogue.all", "SELECT products", "system.cpu.utilization", "Slowest trace"):
        assert shown in done.stdout
    assert "\x1b" not in done.stdout


def test_the_script_of_the_readme() -> None:
    """Ten lines, two spans, and the result that the README shows."""
    with OtlpReceiver() as receiver:
        done = run([sys.executable, "script.py"], receiver.url, cwd=EXAMPLES)
        assert (done.stdout, done.stderr, done.returncode) == ("45.00\n", "", 0)
        assert [span.name for span in receiver.spans] == ["discount", "price"]


def test_the_worker() -> None:
    """Jobs that run at the same time have a trace each; the bad one is marked."""
    with OtlpReceiver() as receiver:
        done = run([sys.executable, "worker.py"], receiver.url, cwd=EXAMPLES)
        assert done.stdout.splitlines() == [
            "small-a.png",
            "small-b.png",
            "notes.txt is no picture",
            "small-c.png",
        ]
        assert len(receiver.named("resizer.resize")) == 4
        assert len(receiver.named("write")) == 3


def test_the_flask_application() -> None:
    """A traced function in a Flask view."""
    pytest.importorskip("flask")
    code = "import flask_app; print(flask_app.app.test_client().get('/hello/Ann').text)"
    with OtlpReceiver() as receiver:
        done = run([sys.executable, "-c", code], receiver.url, cwd=EXAMPLES)
        assert (done.stdout, done.stderr) == ("Howdy, Ann!\n", "")
        assert [span.name for span in receiver.spans] == ["compose", "greeting"]
