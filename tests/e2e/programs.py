"""Starting programs under ``vaquero run``, and ending them as a terminal would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import processes
from tests.support.processes import clean_environ, free_port, started, wait_until_open
from vaquero.pipeline.spool import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

APPS = Path(__file__).parent / "apps"
BIN = Path(sys.executable).parent

RUN = [sys.executable, "-m", "vaquero.cli", "run"]
INSTRUMENT = [str(BIN / "opentelemetry-instrument")]


#: Neither the spool of the person who runs the tests nor that of another run.
STATE = tempfile.TemporaryDirectory(prefix="vaquero-test-")

#: Whatever else is installed must not add spans or lines; upstream's gauges are left in on purpose.
OTHERS = ",".join(
    point.name
    for point in entry_points(group="opentelemetry_instrumentor")
    if not point.value.startswith("vaquero_") and point.name != "system_metrics"
)


def environ(endpoint: str, **more: str) -> dict[str, str]:
    """This environment without settings of telemetry, pointed at a receiver."""
    kept = clean_environ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    kept["PATH"] = f"{BIN}{os.pathsep}{kept.get('PATH', '')}"
    kept["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    kept["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = OTHERS
    kept["XDG_STATE_HOME"] = STATE.name
    # Compiled once for all programs of a test run, and nothing written beside the sources.
    kept["PYTHONPYCACHEPREFIX"] = f"{STATE.name}/pycache"
    return kept | more


def run(
    words: Sequence[str],
    endpoint: str,
    *,
    launcher: Sequence[str] = RUN,
    cwd: Path = APPS,
    timeout_s: float = 100.0,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return processes.run(
        [*launcher, *words], environ(endpoint, **more), cwd=cwd, timeout_s=timeout_s
    )


class Served:
    """A server under ``vaquero run``, in a process group of its own."""

    def __init__(self, process: subprocess.Popen[Any], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    @property
    def said(self) -> str:
        """What it wrote to stdout and stderr so far."""
        return self._log.read_text("utf-8", "replace")

    def get(self, path: str) -> str:
        """The body of an answer."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read().decode()

    def press_ctrl_c(self) -> None:
        """What a terminal does: SIGINT to every process of the group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, timeout_s: float = 60.0) -> int:
        """Ctrl-C, and the exit code."""
        if self.process.poll() is None:
            self.press_ctrl_c()
        return self.process.wait(timeout_s)


@contextmanager
def served(
    words: Sequence[str],
    endpoint: str,
    folder: Path,
    *,
    launcher: Sequence[str] = RUN,
    cwd: Path = APPS,
    probe: bool = True,
    **more: str,
) -> Iterator[Served]:
    """A running server; ``{port}`` in its words is a free port. Killed with all its children.

    Args:
        words: Its command line.
        endpoint: Where its telemetry goes.
        folder: Where what it says is written.
        launcher: What starts it.
        cwd: Where it is started.
        probe: Wait until the port takes connections.
        **more: Variables of its environment.
    """
    port = free_port()
    log = folder / "said.txt"
    filled = (word.format(port=port, folder=folder) for word in words)
    with started([*launcher, *filled], environ(endpoint, **more), cwd=cwd, log=log) as process:
        server = Served(process, port, log)
        if probe:
            wait_until_open(process, port, lambda: server.said)
        yield server


def all_acknowledged(state: Path) -> bool:
    """Whether no span of programs with this ``XDG_STATE_HOME`` waits for a backend's answer.

    A program that is ended between a delivery and its answer leaves the request in the spool, and
    the next one repeats it: that is right, but not what most tests are about.
    """
    waiting = inventory(state / "vaquero" / "spool")
    return not any(entry.signals.get("traces") for entry in waiting)
