"""The reader, its ticker, and the provider that is right after fork."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
)
from opentelemetry.sdk.resources import Resource

from vaquero.metrics.provider import MeterProvider
from vaquero.metrics.reader import ExportingMetricReader, Ticker

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData


class Taken(MetricExporter):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[MetricsData] = []
        self.arrived = threading.Event()

    def export(self, metrics_data: MetricsData, *args: Any, **kwargs: Any) -> MetricExportResult:
        self.batches.append(metrics_data)
        self.arrived.set()
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        return None

    def points(self) -> dict[str, Any]:
        """The newest value of each metric."""
        return {
            metric.name: metric.data.data_points[0]
            for batch in self.batches
            for resource in batch.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def _provider(exporter: Taken, **kwargs: Any) -> tuple[MeterProvider, ExportingMetricReader]:
    reader = ExportingMetricReader(exporter)
    provider = MeterProvider(
        metric_readers=[reader], resource=Resource({"a": "b"}), shutdown_on_exit=False, **kwargs
    )
    return provider, reader


def test_the_ticker_collects_by_itself() -> None:
    """Started, it hands points to the exporter without being asked."""
    exporter = Taken()
    provider, reader = _provider(exporter)
    provider.get_meter("m").create_counter("c").add(3)
    ticker = Ticker(0.02)
    ticker.add(reader)

    ticker.start()
    arrived = exporter.arrived.wait(10)
    ticker.stop(5)

    assert arrived
    assert exporter.points()["c"].value == 3


def test_shutdown_collects_a_last_time_and_only_once() -> None:
    """What was measured since the last cycle is not lost."""
    exporter = Taken()
    provider, reader = _provider(exporter)
    provider.get_meter("m").create_counter("c").add(3)

    provider.shutdown()
    reader.tick()
    reader.shutdown()

    assert len(exporter.batches) == 1


def test_a_failing_exporter_is_said_and_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of an exporter stays in the cycle."""

    class Broken(Taken):
        def export(self, *args: Any, **kwargs: Any) -> MetricExportResult:
            raise OSError("no")

    provider, reader = _provider(Broken())
    provider.get_meter("m").create_counter("c").add(1)

    reader.tick()

    assert "metrics.collect" in caplog.text


def _in_child(function: Any) -> bytes:
    """What ``function`` returns in a forked child, as text."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - the child's coverage is not collected
        try:
            os.write(write_end, str(function()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        text = file.read()
    os.waitpid(pid, 0)
    return text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_counts_from_zero_with_its_own_resource() -> None:
    """The parent's sums stay with the parent, and the child starts at a later time."""
    exporter = Taken()
    provider, reader = _provider(
        exporter, child_resource=lambda parent: parent.merge(Resource({"child": "yes"}))
    )
    counter = provider.get_meter("m").create_counter("c")
    counter.add(100)
    reader.tick()
    before = exporter.points()["c"].start_time_unix_nano

    def child() -> Any:
        exporter.batches.clear()
        counter.add(1)
        reader.tick()
        point = exporter.points()["c"]
        who = exporter.batches[0].resource_metrics[0].resource.attributes["child"]
        return point.value, point.start_time_unix_nano > before, who

    assert _in_child(child) == b"(1, True, 'yes')"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_lock_held_at_the_fork_does_not_hold_the_child() -> None:
    """A child forked while a collection is under way can collect."""
    exporter = Taken()
    provider, reader = _provider(exporter)
    counter = provider.get_meter("m").create_counter("c")
    counter.add(1)
    provider._measurement_consumer._lock.acquire()

    def child() -> int:
        counter.add(2)
        reader.tick()
        return exporter.points()["c"].value

    try:
        assert _in_child(child) == b"2"
    finally:
        provider._measurement_consumer._lock.release()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_ticker_runs_again_in_a_forked_child() -> None:
    """A worker of a preforking server sends its own points."""
    exporter = Taken()
    provider, reader = _provider(exporter)
    counter = provider.get_meter("m").create_counter("c")
    counter.add(1)
    ticker = Ticker(0.05)
    ticker.add(reader)
    ticker.start()

    def child() -> bool:
        exporter.arrived = threading.Event()
        counter.add(1)
        return exporter.arrived.wait(10)

    assert _in_child(child) == b"True"
    ticker.stop(5)


def test_temporality_of_the_exporter_is_that_of_the_reader() -> None:
    """The exporter's preference decides how sums are reported."""
    from opentelemetry.sdk.metrics import Counter

    class Delta(Taken):
        def __init__(self) -> None:
            MetricExporter.__init__(
                self, preferred_temporality={Counter: AggregationTemporality.DELTA}
            )
            self.batches = []
            self.arrived = threading.Event()

    exporter = Delta()
    provider, reader = _provider(exporter)
    counter = provider.get_meter("m").create_counter("c")
    for _ in range(2):
        counter.add(5)
        reader.tick()

    assert exporter.points()["c"].value == 5
