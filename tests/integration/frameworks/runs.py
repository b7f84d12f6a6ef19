"""One application, started by a launcher, driven over HTTP, ended; and the traces it made."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import processes, servers
from tests.support.environments import APPS
from tests.support.processes import free_port, wait_until_open
from tests.support.waiting import wait_until

from .traces import Received, Sink, comparable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

#: What a launcher is, and the variables that choose the distribution.
UPSTREAM = {"OTEL_PYTHON_DISTRO": "distro", "OTEL_PYTHON_CONFIGURATOR": "configurator"}

STATE = tempfile.TemporaryDirectory(prefix="vaquero-frameworks-state-")


@dataclass(frozen=True)
class App:
    """An application and what it must show.

    Attributes:
        name: Its module.
        scopes: Instrumentations of which the trace of an order has a span.
        paths: Answers by path.
        worker: Whether a Celery worker belongs to it.
        in_one: Whether all spans belong to the trace of the request.
        words: How it is started; ``{port}`` is the port to listen on.
    """

    name: str
    scopes: frozenset[str]
    paths: Mapping[str, int]
    worker: bool = False
    in_one: bool = True
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traces:
    """What came of one run.

    Attributes:
        by_path: The spans of the request of each path.
        replaced: Ports of this run, and what stands for them.
        said: What the application wrote.
        everything: All spans, of whatever trace.
    """

    by_path: Mapping[str, list[Received]]
    replaced: Mapping[str, str]
    said: str
    everything: list[Received]

    def comparable(self, path: str) -> Counter[str]:
        """The trace of a path, for comparing it with that of another run."""
        return comparable(self.by_path[path], self.replaced)


def trace_id(app: App, path: str) -> str:
    """The trace that a request belongs to, the same in each run."""
    return hashlib.md5(f"{app.name}{path}".encode(), usedforsecurity=False).hexdigest()


def drive(
    app: App,
    launcher: list[str],
    programs: Path,
    database: str,
    neighbour: str,
    *,
    cwd: Path = APPS,
    **more: str,
) -> Traces:
    """Start an application, make its requests, wait for their spans, and end it by Ctrl-C.

    Args:
        app: The application.
        launcher: What starts it, without the application's own words.
        programs: Folder of the programs of its environment.
        database: Connection string of PostgreSQL.
        neighbour: Address of the web server that it asks.
        cwd: Where it is started.
        **more: Variables of its environment.
    """
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink())
        redis_port = stack.enter_context(servers.redis())
        environ = clean_environ(sink.url, programs) | {
            "APP_POSTGRES": database,
            "APP_REDIS_PORT": str(redis_port),
            "APP_NEIGHBOUR": neighbour,
            **more,
        }
        port = free_port()
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "said.txt"
        python = str(programs / "python")
        own = app.words or (f"{APPS / app.name}.py", "{port}")
        words = [[*launcher, python, *(word.format(port=port) for word in own)]]
        if app.worker:
            celery = [python, "-m", "celery", "-A", f"{app.name}:celery", "worker"]
            words.append([*launcher, *celery, "-c", "1", "-l", "WARNING"])
        begun = (processes.started(one, environ, cwd=cwd, log=log) for one in words)
        started = [stack.enter_context(one) for one in begun]
        said = partial(log.read_text, "utf-8", "replace")
        wait_until_open(started[0], port, said)
        for path, status in app.paths.items():
            got = _ask(app, port, path)
            assert got == status, f"{app.name} {path}: {got}\n{said()}"
        wait_until(
            lambda: _arrived(app, sink),
            lambda: f"spans: {sorted({(s.scope, s.kind) for s in sink.received})}\n{said()}",
        )
        for process in reversed(started):
            _end(process)
        by_path = {path: sink.trace(trace_id(app, path)) for path in app.paths}
        everything = list(sink.received)
        all_said = said()
    replaced = {str(port): "{port}", str(redis_port): "{redis}"}
    return Traces(by_path, replaced, all_said, everything)


def _arrived(app: App, sink: Sink) -> bool:
    order = next(iter(app.paths))
    # A trace of upstream's is in pieces where it makes no server span.
    pieces = sink.trace(trace_id(app, order)) if app.in_one else list(sink.received)
    return app.scopes <= {span.scope for span in pieces}


def _ask(app: App, port: int, path: str) -> int:
    parent = f"00-{trace_id(app, path)}-00f067aa0ba902b7-01"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"traceparent": parent, "User-Agent": "driver"}
    )
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            body: Any = json.loads(answer.read())
            assert body["found"] == 8, body
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def clean_environ(endpoint: str, programs: Path) -> dict[str, str]:
    """This environment without settings of telemetry, pointed at a receiver of traces."""
    kept = processes.clean_environ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return kept | {
        "PATH": f"{programs}{os.pathsep}{kept.get('PATH', '')}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "XDG_STATE_HOME": STATE.name,
        "PYTHONPYCACHEPREFIX": f"{STATE.name}/pycache",
        "PYTHONWARNINGS": "ignore",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        print(f"{process.args} did not end by itself", file=sys.stderr)
