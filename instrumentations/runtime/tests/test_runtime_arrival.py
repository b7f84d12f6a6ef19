"""asyncio is not imported for its loops' sake, and its loops are found all the same."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from vaquero_instrumentation_runtime.arrival import Arrival

LATE = """
import sys, time
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from vaquero_instrumentation_runtime import RuntimeInstrumentor

reader = InMemoryMetricReader()
before = "asyncio" in sys.modules
RuntimeInstrumentor().instrument(meter_provider=MeterProvider([reader]))
reader.get_metrics_data()
after = "asyncio" in sys.modules
waiting = len(sys.meta_path)
import asyncio

async def held():
    time.sleep(0.2)
    await asyncio.sleep(0)
    points = {
        metric.name: metric.data.data_points
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    return points["vaquero.eventloop.lag"][0].value >= 0.2

# Where something else has loaded asyncio there is nothing to wait for.
hooks = 0 if before else 1
print(after > before, waiting - len(sys.meta_path) == hooks, asyncio.run(held()))
print(type(asyncio.__loader__).__name__, asyncio.__spec__.loader is asyncio.__loader__)
"""


def test_a_loop_is_found_where_asyncio_comes_later() -> None:
    """Starting and collecting load no asyncio; its first loop, imported later, is watched."""
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["False True True", "SourceFileLoader True"]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that can be imported and is not yet."""
    name = "vaquero_arrival_probe"
    (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_it_tells_once_after_the_module_is_complete(module: str) -> None:
    """The call comes when the module has run, and nothing is left behind in sys.meta_path."""
    seen: list[int] = []
    arrival = Arrival(module, lambda: seen.append(sys.modules[module].value))

    arrival.wait()
    importlib.import_module("json")
    imported = importlib.import_module(module)
    importlib.reload(imported)

    assert seen == [1]
    assert arrival not in sys.meta_path
    assert imported.__spec__ is not None
    assert imported.__spec__.loader is imported.__loader__
    sys.modules.pop(module)


def test_what_it_calls_cannot_break_the_import(module: str) -> None:
    """An exception of ours does not reach the application's import statement."""

    def fail() -> None:
        raise RuntimeError("ours")

    Arrival(module, fail).wait()

    assert importlib.import_module(module).value == 1
    sys.modules.pop(module)


def test_an_import_that_fails_stays_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application sees its own error, and the next import that succeeds is told."""
    name = "vaquero_arrival_broken"
    file = tmp_path / f"{name}.py"
    file.write_text("raise ValueError('its own')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    seen: list[str] = []
    arrival = Arrival(name, lambda: seen.append(name))
    arrival.wait()

    with pytest.raises(ValueError, match="its own"):
        importlib.import_module(name)
    file.write_text("found_at_last = True\n")
    importlib.invalidate_caches()
    importlib.import_module(name)

    assert seen == [name]
    sys.modules.pop(name)


def test_cancelled_it_tells_nobody(module: str) -> None:
    """After cancel the import goes its ordinary way."""
    seen: list[str] = []
    arrival = Arrival(module, lambda: seen.append(module))
    arrival.wait()
    arrival.cancel()

    importlib.import_module(module)

    assert seen == []
    assert arrival not in sys.meta_path
    sys.modules.pop(module)
