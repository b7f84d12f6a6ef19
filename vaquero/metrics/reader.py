"""One thread that collects every metric reader of vaquero, and works after fork.

The SDK starts a thread per reader and inherits its locks into forked children, where an export that
was under way at the fork blocks for good. Here one ticker serves all readers of the process, holds
no lock while it exports, and starts again in a child.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricReader

from vaquero import _guard, _process, _upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricExporter, MetricsData

#: The first collection does not wait a whole interval: a newcomer looks at once.
FIRST_TICK_S = 1.0


class ExportingMetricReader(MetricReader):
    """Collects when told to, and hands the points to an exporter.

    Args:
        exporter: Takes the points; its preferred temporality and aggregation are the reader's.
        timeout_s: How long one collection and its hand-over may take.
    """

    def __init__(self, exporter: MetricExporter, *, timeout_s: float = 30.0) -> None:
        super().__init__(**_upstream.preferences(exporter))
        self._exporter = exporter
        self._timeout_ms = timeout_s * 1000.0
        self._closed = False

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        self._exporter.export(metrics_data, timeout_millis=timeout_millis)

    def tick(self) -> None:
        """Collect once; what fails is logged and forgotten."""
        if self._closed:
            return
        try:
            self.collect(timeout_millis=self._timeout_ms)
        except Exception as error:
            _guard.report(error, "metrics.collect")

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect now, then let the exporter flush."""
        self.tick()
        return self._exporter.force_flush(timeout_millis=timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Collect a last time; the exporter is shut down with its pipeline, not here."""
        if self._closed:
            return
        self.tick()
        self._closed = True


class Ticker:
    """The thread that calls :meth:`ExportingMetricReader.tick` of every reader once an interval.

    Args:
        interval_s: Seconds between two collections; 0 means never by itself.
        clock: Monotonic seconds.
    """

    def __init__(self, interval_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._readers: list[ExportingMetricReader] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        _process.after_fork_in_child(self._restart_after_fork)

    def add(self, reader: ExportingMetricReader) -> None:
        """Collect this reader too."""
        self._readers.append(reader)

    def start(self) -> None:
        """Start the thread; where that is impossible (an interpreter on its way out) do nothing."""
        if self._thread is not None or not self._readers or self._interval_s <= 0:
            return
        thread = threading.Thread(target=self._run, name="vaquero-metrics", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return
        self._thread = thread

    def stop(self, timeout_s: float) -> None:
        """Stop the thread; a collection under way is waited for, within the timeout."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, timeout_s))

    def _run(self) -> None:
        stop = self._stop
        due = self._clock() + min(FIRST_TICK_S, self._interval_s)
        while not stop.wait(max(0.0, due - self._clock())):
            for reader in list(self._readers):
                reader.tick()
            # A late cycle is not made up for: the next one keeps its distance.
            due = max(due + self._interval_s, self._clock() + self._interval_s / 2)

    def _restart_after_fork(self) -> None:
        was_running = self._thread is not None and not self._stop.is_set()
        self._stop = threading.Event()
        self._thread = None
        if was_running:
            self.start()
