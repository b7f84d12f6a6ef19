"""Programs that tests start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.processes import clean_environ, free_port, is_open, run, started
from tests.support.waiting import wait_until


def test_no_setting_of_the_machine_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of telemetry stay behind; where the Collector's binary is does not."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    monkeypatch.setenv("VAQUERO_SPOOL", "false")
    monkeypatch.setenv("VAQUERO_CACHE_DIR", "/cache")
    monkeypatch.setenv("PYTHONPATH", "/here")

    environ = clean_environ("PYTHONPATH", VAQUERO_QUIET="1")

    assert environ["VAQUERO_CACHE_DIR"] == "/cache"
    assert environ["VAQUERO_QUIET"] == "1"
    assert not {"OTEL_SERVICE_NAME", "VAQUERO_SPOOL", "PYTHONPATH"} & set(environ)


def test_a_program_runs_to_its_end() -> None:
    """Its exit code and what it wrote."""
    done = run([sys.executable, "-c", "print('out'); raise SystemExit(3)"])

    assert (done.returncode, done.stdout) == (3, "out\n")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups can be made here")
def test_children_end_with_the_test(tmp_path: Path) -> None:
    """A program that is killed in the end takes its children with it, deaf ones too."""
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    log = tmp_path / "log"
    with pytest.raises(ValueError, match="the test fails"):
        with started([sys.executable, "-c", code], log=log) as process:
            child = int(wait_until(lambda: log.read_text().strip(), "the child's number"))
            raise ValueError("the test fails")

    assert process.returncode is not None
    wait_until(lambda: not _lives(child), "the end of the child")


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as about:
            return about.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_free_port_is_not_open() -> None:
    """Nobody listens on it."""
    assert not is_open(free_port())
