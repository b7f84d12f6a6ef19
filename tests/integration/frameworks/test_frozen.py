"""Processes that are frozen as soon as they answered, as AWS Lambda does it: by SIGSTOP here."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environments import APPS
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.processes import started

from .runs import clean_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]

#: Far beyond the test: nothing is sent because its time has come.
PATIENT = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
    "OTEL_METRICS_EXPORTER": "otlp",
}

LAMBDA = {
    "_HANDLER": "frozen_app.handler",
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "PYTHONPATH": str(APPS),
}


class Function:
    """A function that runs only while it is called."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._stop()

    def call(self, number: int) -> Any:
        """Thaw, call, and freeze at once when the answer is there."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"number": number}) + "\n")
        stdin.flush()
        os.killpg(self._process.pid, signal.SIGCONT)
        answer = stdout.readline()
        self._stop()
        return json.loads(answer)

    def _stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGSTOP)


@contextlib.contextmanager
def function(programs: Path, environ: Mapping[str, str]) -> Iterator[Function]:
    """A function under ``vaquero run``, frozen; killed at the end, as platforms do."""
    words = [programs / "vaquero", "run", programs / "python", APPS / "frozen_app.py"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started(words, environ, cwd=APPS, **pipes) as process:
        yield Function(process)


@pytest.mark.parametrize(
    "way", [{"APP_FLUSH": "1"}, LAMBDA], ids=["flush", "aws-lambda instrumentation"]
)
def test_each_call_is_sent_before_the_freeze(way: dict[str, str], ours: Path) -> None:
    """The span of a call is with the backend when its answer is, though nothing runs after it."""
    with OtlpReceiver() as receiver:
        environ = clean_environ(receiver.url, ours) | PATIENT | way
        with function(ours, environ) as frozen:
            for number in (1, 2, 3):
                assert frozen.call(number) == {"done": number}
                arrived = [span.attributes["number"] for span in receiver.named("work")]
                assert arrived == list(range(1, number + 1))
        # The instrumentation's own span has the name of the function.
        assert len(receiver.named("shop")) == (3 if "_HANDLER" in way else 0)
        assert "process.cpu.time" in receiver.metric_names


def test_a_connection_that_died_in_the_freeze(ours: Path) -> None:
    """The backend was another one meanwhile: the next call is sent all the same, and once."""
    with OtlpReceiver() as first:
        environ = clean_environ(first.url, ours) | PATIENT | {"APP_FLUSH": "1"}
        with function(ours, environ) as frozen:
            frozen.call(1)
            first.close()
            with OtlpReceiver(first.port) as second:
                frozen.call(2)
                assert [span.attributes["number"] for span in second.named("work")] == [2]
        assert [span.attributes["number"] for span in first.named("work")] == [1]
