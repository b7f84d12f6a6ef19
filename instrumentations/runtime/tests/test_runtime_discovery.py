"""asyncio is not imported for its loops' sake, and its loops are found all the same."""

from __future__ import annotations

import subprocess
import sys

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
