"""Real servers and the plain loader: identities of workers, one series of the host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import wait_until

#: A fork waits for a collection to end: the SDK holds locks meanwhile, and a worker that is forked
#: at that moment would have them held for good.
APP = """
import json, os, pathlib, threading
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter, MetricExportResult, PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from vaquero_instrumentation_container import ContainerInstrumentor
from vaquero_instrumentation_process import ProcessInstrumentor
from vaquero_instrumentation_system import SystemInstrumentor

FOLDER = pathlib.Path(__file__).parent / "out"
FOLDER.mkdir(exist_ok=True)

class Lines(MetricExporter):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
    def export(self, metrics_data, timeout_millis=10000, **kwargs):
        for part in metrics_data.resource_metrics:
            names = [m.name for s in part.scope_metrics for m in s.metrics]
            rss = [p.value for s in part.scope_metrics for m in s.metrics
                   for p in m.data.data_points if m.name == "process.memory.usage"]
            line = {"pid": os.getpid(), "kind": self.kind, "names": names, "rss": rss,
                    "resource": {k: str(v) for k, v in part.resource.attributes.items()}}
            with open(FOLDER / f"{os.getpid()}.jsonl", "a") as file:
                file.write(json.dumps(line) + "\\n")
        return MetricExportResult.SUCCESS
    def force_flush(self, timeout_millis=10000):
        return True
    def shutdown(self, timeout_millis=30000, **kwargs):
        pass

class Reader(PeriodicExportingMetricReader):
    def __init__(self, *args, **kwargs):
        self.idle = threading.Lock()
        super().__init__(*args, **kwargs)
    def collect(self, timeout_millis=10_000):
        with self.idle:
            super().collect(timeout_millis)

def provider(kind, resource):
    reader = Reader(Lines(kind), export_interval_millis=300)
    idle = reader.idle
    os.register_at_fork(
        before=idle.acquire, after_in_parent=idle.release, after_in_child=idle.release
    )
    return MeterProvider([reader], resource=resource)

own = provider("own", Resource.create({"service.name": "shop"}))
host = provider("host", Resource({"host.name": "here"}))
ProcessInstrumentor().instrument(meter_provider=own)
SystemInstrumentor().instrument(meter_provider=own, host_meter_provider=host)
ContainerInstrumentor().instrument(meter_provider=own, host_meter_provider=host)

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A preloading gunicorn with four workers; its pid and where it leaves what it exports."""
    pytest.importorskip("gunicorn")
    (tmp_path / "shop.py").write_text(APP)
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "shop:app", "--preload",
               "--workers", "4", "--bind", "127.0.0.1:0"]  # fmt: skip
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    yield server.pid, tmp_path / "out"
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _lines(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in folder.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # It is being written.
    return found


def _emitters(folder: Path, name: str) -> set[int]:
    return {line["pid"] for line in _lines(folder) if name in line["names"]}


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_gunicorn_preload_has_four_identities_and_one_host(gunicorn: tuple[int, Path]) -> None:
    """Each worker reports itself, one process the host; killed, another takes over."""
    master, folder = gunicorn

    def workers() -> set[int]:
        return _emitters(folder, "process.memory.usage") - {master}

    wait_until(lambda: len(workers()) >= 4, "four workers")
    wait_until(lambda: _emitters(folder, "system.memory.usage"), "memory of the host")
    identities: dict[int, set[str]] = defaultdict(set)
    for line in _lines(folder):
        if line["kind"] == "own" and line["pid"] != master:
            # The SDK's floor gives no identity by itself: there the one who sets it up must.
            identity = line["resource"].get("service.instance.id", str(line["pid"]))
            identities[line["pid"]].add(identity)
    assert all(len(found) == 1 for found in identities.values())
    assert len({next(iter(found)) for found in identities.values()}) == len(identities)
    (holder,) = _emitters(folder, "system.memory.usage")
    # The container has a lock of its own, since there can be several on a host.
    assert len(_emitters(folder, "vaquero.memory.utilization")) == 1
    host = [line for line in _lines(folder) if "system.memory.usage" in line["names"]]
    assert all("service.instance.id" not in line["resource"] for line in host)
    assert all(line["kind"] == "host" for line in host)
    if holder != master:
        os.kill(holder, signal.SIGKILL)
        wait_until(lambda: len(_emitters(folder, "system.memory.usage")) == 2, "another worker")


@pytest.mark.slow
def test_the_plain_loader(tmp_path: Path) -> None:
    """Under opentelemetry-instrument, with the console exporter and nothing of ours but these."""
    script = tmp_path / "app.py"
    script.write_text("import time\ntime.sleep(0.3)\nprint('app done')\n")
    environment = {
        **os.environ,
        "OTEL_METRICS_EXPORTER": "console",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PYTHON_DISTRO": "none",
        "OTEL_PYTHON_CONFIGURATOR": "plain",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "system_metrics",
        "PYTHONPATH": str(tmp_path),
        "PYTHONWARNINGS": "ignore",
    }
    # A configurator of the SDK alone, as opentelemetry-distro has one.
    (tmp_path / "plain.py").write_text(
        "from opentelemetry.sdk._configuration import _OTelSDKConfigurator as Configurator\n"
    )
    info = tmp_path / "plain-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_configurator]\nplain = plain:Configurator\n"
    )
    launcher = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", launcher, sys.executable, str(script)],
        env=environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "app done" in done.stdout
    for name in ("system.cpu.utilization", "system.memory.utilization", "vaquero.disk.io.rate",
                 "vaquero.network.io.rate", "vaquero.memory.utilization", "process.memory.usage",
                 "cpython.gc.collections"):  # fmt: skip
        assert f'"{name}"' in done.stdout, (name, done.stderr[-2000:])
    assert "Traceback" not in done.stderr
