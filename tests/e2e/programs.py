"""Starting programs under ``vaquero run``, and ending them as a terminal would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

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
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "VAQUERO_", "PYTEST_")) and name != "PYTHONPATH"
    }
    kept["PATH"] = f"{BIN}{os.pathsep}{kept.get('PATH', '')}"
    kept["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    kept["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = OTHERS
    kept["XDG_STATE_HOME"] = STATE.name
    # Compiled once for all programs of a test run, and nothing written beside the sources.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept["PYTHONPYCACHEPREFIX"] = f"{STATE.name}/pycache"
    return kept | more


def run(
    words: Sequence[str],
    endpoint: str,
    *,
    launcher: Sequence[str] = RUN,
    cwd: Path = APPS,
    timeout_s: float = 60.0,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [*launcher, *words],
        env=environ(endpoint, **more),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


class Served:
    """A server under ``vaquero run``, in a process group of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
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
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode()

    def press_ctrl_c(self) -> None:
        """What a terminal does: SIGINT to every process of the group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, timeout_s: float = 20.0) -> int:
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
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*launcher, *(word.format(port=port, folder=folder) for word in words)],
            env=environ(endpoint, **more),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Served(process, port, log)
    try:
        if probe:
            _wait_until_open(server)
        yield server
    finally:
        # Its own group, which we started: children that outlived it too.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def all_acknowledged(state: Path) -> bool:
    """Whether no span of programs with this ``XDG_STATE_HOME`` waits for a backend's answer.

    A program that is ended between a delivery and its answer leaves the request in the spool, and
    the next one repeats it: that is right, but not what most tests are about.
    """
    waiting = inventory(state / "vaquero" / "spool")
    return not any(entry.signals.get("traces") for entry in waiting)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_until_open(server: Served, timeout_s: float = 40.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended: {server.said}")
        try:
            socket.create_connection(("127.0.0.1", server.port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not open: {server.said}")
