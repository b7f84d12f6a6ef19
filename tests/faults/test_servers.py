"""Servers that fork: each request's span arrives once, from whichever worker."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import clean_environ, free_port, started
from tests.support.waiting import wait_until
from vaquero.pipeline import Destination, PipelineSettings, spool

from .hostile import Collector

if TYPE_CHECKING:
    from .conftest import Machine

pytestmark = pytest.mark.servers

APPS = Path(__file__).parent / "apps"
REQUESTS = 40


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["prefork", "preload"])
@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_gunicorn_workers_deliver_once(
    worker: str, preload: list[str], machine: Machine, collector: Collector
) -> None:
    """Two workers, stopped by SIGTERM: every span of every request once, the import's too.

    A gevent worker of gunicorn that was forked from a loaded application does not always end,
    also with an application of three lines and nothing of ours. gunicorn then kills it; what it
    had not sent is in the spool.
    """
    pytest.importorskip("gunicorn")
    if worker == "gevent":
        pytest.importorskip("gevent")
    port = free_port()
    words = [
        "--graceful-timeout",
        "5",
        "-w",
        "2",
        "-k",
        worker,
        "-b",
        f"127.0.0.1:{port}",
        *preload,
        "served:app",
    ]
    environ = clean_environ(ENDPOINT=collector.endpoint, SPOOL=str(machine.spool))
    gunicorn = [sys.executable, "-m", "gunicorn", "--log-level", "error", *words]
    with started(gunicorn, environ, cwd=APPS, stderr=subprocess.PIPE, text=True) as server:
        for number in range(REQUESTS):
            ask(f"http://127.0.0.1:{port}/request-{number}")
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=100)
    assert all("SIGKILL" in line for line in err.splitlines()), err
    assert err == "" or worker == "gevent", err
    if err:
        traces = Destination(collector.endpoint, named_by_user=True)
        spool.drain(PipelineSettings(traces=traces, spool_dir=machine.spool), timeout_s=10)
    names = collector.names
    assert max(names.values()) == 1
    assert {f"request-{number}" for number in range(REQUESTS)} <= set(names)
    imports = sum(name.startswith("import-") for name in names)
    assert imports == (1 if preload else 2)


def ask(url: str) -> None:
    """Ask, again as long as nobody listens yet."""

    def answered() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.read() == b"ok"
        except (urllib.error.URLError, ConnectionError):
            return False

    wait_until(answered, url)
