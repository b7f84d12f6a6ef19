"""Systems other than Linux, as far as Linux can play them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.otlp_receiver import OtlpReceiver

from .runs import clean_environ

pytestmark = pytest.mark.slow


def test_nothing_needs_what_only_unix_has() -> None:
    """Without fork, fcntl, pwd and most signals every module imports, and all signals are sent."""
    with OtlpReceiver() as receiver:
        environ = clean_environ(receiver.url, Path(sys.executable).parent)
        for signal in ("METRICS", "LOGS"):
            del environ[f"OTEL_{signal}_EXPORTER"]
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("other_system.py"))],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
        assert [span.name for span in receiver.spans] == ["work"]
        assert receiver.log_bodies == ["said"]
        assert {"process.memory.usage", "system.memory.utilization"} <= receiver.metric_names
