"""One version of the viewer in a process of its own: does what it is told, and measures it.

``python worker.py SRC``: orders come as lines of JSON on stdin, answers go to stdout. ``SRC`` is
the folder that has ``vaquero_viewer``.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from vaquero_viewer import Store
from vaquero_viewer.otlp.logs import read_logs
from vaquero_viewer.otlp.metrics import read_metrics
from vaquero_viewer.otlp.spans import read_spans

from benchmarks.store.data import (
    START_NS,
    log_requests,
    metric_requests,
    trace_requests,
)

SIGNALS: tuple[tuple[Callable[..., Any], Any], ...] = (
    (read_spans, ExportTraceServiceRequest),
    (read_logs, ExportLogsServiceRequest),
    (read_metrics, ExportMetricsServiceRequest),
)


class Worker:
    """Holds one open store."""

    def __init__(self) -> None:
        self._store: Any = None
        self._requests = 0

    def open(self, path: str) -> dict[str, float]:
        began, used = time.perf_counter(), time.process_time()
        self._store = Store(Path(path), max_size_bytes=4 * 2**30, max_age_s=1e9)
        return _spent(began, used)

    def close(self) -> dict[str, float]:
        self._store.close()
        return {}

    def fill(
        self, traces: int, logs: int, points: int, seed: int = 1, within_s: int = 3600
    ) -> dict[str, float]:
        """Insert so much, each request on its own; the time to make them does not count."""
        made = (
            list(trace_requests(traces, seed=seed, within_s=within_s)),
            list(log_requests(logs, seed=seed)) if logs else [],
            list(metric_requests(points)) if points else [],
        )
        rows = traces * 8 + logs + points
        began, used = time.perf_counter(), time.process_time()
        for (read, kind), bodies in zip(SIGNALS, made, strict=True):
            for body in bodies:
                self._requests += 1
                batch = read(kind.FromString(body), START_NS + self._requests * 10**6)
                batch.size_bytes = len(body)
                self._store.submit(batch).result(120)
        spent = _spent(began, used)
        return {
            "rows": rows,
            "cpu_us_a_row": spent["cpu_s"] / rows * 1e6,
            "wall_us_a_row": spent["wall_s"] / rows * 1e6,
            "rss_mb": _rss_mb(),
        }

    def ask(self) -> dict[str, float]:
        """Ask each question of today's page once; CPU time of each in milliseconds."""
        store = self._store
        trace_id = store.slowest_trace(limit=1).trace_id
        questions: dict[str, Callable[[], object]] = {
            "services": store.services,
            "operations": store.operations,
            "traces, recent": store.traces,
            "traces, slowest": lambda: store.traces(order="slowest"),
            "one trace": lambda: store.trace(trace_id),
            "gauges": lambda: store.gauges(history_s=300),
            "logs": lambda: store.logs(contains="order 77"),
        }
        answer: dict[str, float] = {}
        for name, question in questions.items():
            used = time.process_time()
            question()
            answer[name] = (time.process_time() - used) * 1e3
        return answer

    def sizes(self) -> dict[str, float]:
        counts = self._store.counts()
        return {
            "rss_mb": _rss_mb(),
            "used_mb": counts.used_bytes / 1e6,
            "spans": counts.spans,
            "logs": counts.logs,
            "points": counts.metric_points,
        }


def _spent(began: float, used: float) -> dict[str, float]:
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - used,
        "rss_mb": _rss_mb(),
    }


def _rss_mb() -> float:
    """The most that the process had in memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Obey until stdin ends."""
    worker = Worker()
    print(json.dumps({"ready": 1}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(worker, order.pop("what"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
