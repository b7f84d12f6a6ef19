"""Programs that tests start: in a clean environment, and ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_until

#: Where the package of the Collector finds and keeps its binary: no settings of telemetry.
_PLACES = frozenset({"VAQUERO_OTELCOL", "VAQUERO_CACHE_DIR", "VAQUERO_GO"})


def is_telemetry(name: str) -> bool:
    """Whether a variable is a setting of telemetry, of the person who runs the tests."""
    return name.startswith(("OTEL_", "VAQUERO_")) and name not in _PLACES


def clean_environ(*without: str, **more: str) -> dict[str, str]:
    """This environment without settings of telemetry, of pytest, and without the names given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not is_telemetry(name) and not name.startswith("PYTEST_") and name not in without
    }
    return kept | more


def run(
    words: Sequence[str | Path],
    environ: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    timeout_s: float = 100.0,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in a clean environment unless one is given."""
    return subprocess.run(
        [str(word) for word in words],
        env=clean_environ() if environ is None else dict(environ),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


@contextlib.contextmanager
def started(
    words: Sequence[str | Path],
    environ: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    log: Path | None = None,
    **options: Any,
) -> Iterator[subprocess.Popen[Any]]:
    """A running program in a process group of its own, killed with all its children in the end.

    Args:
        words: Its command line.
        environ: Its environment; a clean one unless it is given.
        cwd: Where it is started.
        log: A file to which what it writes is added.
        **options: For ``subprocess.Popen``, e.g. pipes.
    """
    with contextlib.ExitStack() as stack:
        if log is not None:
            output = stack.enter_context(log.open("ab"))
            options = {"stdout": output, "stderr": subprocess.STDOUT, **options}
        process = subprocess.Popen(
            [str(word) for word in words],
            env=clean_environ() if environ is None else dict(environ),
            cwd=cwd,
            start_new_session=True,
            **{"stdin": subprocess.DEVNULL, **options},
        )
    try:
        yield process
    finally:
        # Its own group, which was started here: children that outlived it too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether a port of 127.0.0.1 takes connections."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_until_open(
    process: subprocess.Popen[Any], port: int, said: Callable[[], str] = lambda: ""
) -> None:
    """Wait until a server takes connections.

    Raises:
        AssertionError: it ended in the meantime, or did not open its port.
    """

    def open_or_ended() -> bool:
        assert process.poll() is None, f"it ended with {process.returncode}: {said()}"
        return is_open(port)

    wait_until(open_or_ended, lambda: f"port of {process.args}: {said()}")
