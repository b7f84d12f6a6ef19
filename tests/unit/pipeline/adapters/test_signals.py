"""Metrics and logs of the SDK, through the pipeline, to a backend that understands OTLP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import opentelemetry.sdk._logs as sdk_logs
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from tests.support.otlp_receiver import OtlpReceiver as Backend
from vaquero.pipeline import Destination, Pipeline, PipelineSettings
from vaquero.pipeline.exporters import LogExporter, LogProcessor, MetricExporter
from vaquero.pipeline.otlp.logs import LogEncoder
from vaquero.pipeline.otlp.metrics import MetricsEncoder
from vaquero.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCE = Resource({"service.name": "shop"}, "https://opentelemetry.io/schemas/1.40.0")


@pytest.fixture
def backend() -> Iterator[Backend]:
    """An OTLP/HTTP server."""
    with Backend() as running:
        yield running


@pytest.fixture
def pipeline(backend: Backend) -> Iterator[Pipeline]:
    """A pipeline of all three signals to it."""
    built = Pipeline(
        PipelineSettings(
            traces=Destination(f"{backend.url}/v1/traces"),
            metrics=Destination(f"{backend.url}/v1/metrics"),
            logs=Destination(f"{backend.url}/v1/logs"),
        ),
        Redactor(),
    )
    yield built
    built.shutdown(1.0)


def metrics_of(backend: Backend) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for body in backend.bodies("/v1/metrics"):
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                found.update({metric.name: metric for metric in scope.metrics})
    return found


def test_metrics_arrive(backend: Backend, pipeline: Pipeline) -> None:
    """A counter and a histogram are collected, encoded and delivered."""
    reader = PeriodicExportingMetricReader(MetricExporter(pipeline), 3_600_000)
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    meter = provider.get_meter("test")
    meter.create_counter("orders").add(3, {"kind": "book"})
    meter.create_histogram("price").record(12.5)
    assert provider.force_flush()
    metrics = metrics_of(backend)
    assert metrics["orders"].sum.data_points[0].as_int == 3
    assert metrics["price"].histogram.data_points[0].count == 1
    provider.shutdown()
    assert pipeline.stats().signals["metrics"].acknowledged >= 2


def test_a_metric_that_cannot_be_encoded_costs_only_itself(
    backend: Backend, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A metric at which the encoder raises is left out and counted; the other metrics arrive."""
    encode = MetricsEncoder.request

    def picky(encoder: MetricsEncoder, data: Any) -> bytes:
        if "broken" in str(data):
            raise ValueError("no such number")
        return encode(encoder, data)

    monkeypatch.setattr(MetricsEncoder, "request", picky)
    reader = PeriodicExportingMetricReader(MetricExporter(pipeline), 3_600_000)
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    meter = provider.get_meter("test")
    meter.create_counter(
        "broken",
    ).add(1)
    meter.create_counter("fine").add(1)
    assert provider.force_flush()
    assert set(metrics_of(backend)) == {"fine"}
    assert pipeline.stats().signals["metrics"].dropped == {"not_encodable": 1}
    provider.shutdown()


def test_secrets_in_metric_attributes_do_not_leave(backend: Backend, pipeline: Pipeline) -> None:
    """A password among the attributes of a metric or of the resource is redacted."""
    reader = PeriodicExportingMetricReader(MetricExporter(pipeline), 3_600_000)
    resource = Resource({"api_key": "hunter2-resource"})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    counter = provider.get_meter("test").create_counter("logins")
    counter.add(1, {"password": "hunter2-point", "user.name": "alice"})
    assert provider.force_flush()
    provider.shutdown()
    sent = b"".join(backend.bodies("/v1/metrics"))
    assert b"hunter2" not in sent
    assert b"alice" in sent


@pytest.mark.parametrize("preference", ["cumulative", "delta", "lowmemory"])
def test_temporality_follows_the_preference(preference: str, pipeline: Pipeline) -> None:
    """Counters are cumulative or delta as the exporter's preference says."""
    exporter = MetricExporter(pipeline, temporality=preference)
    reader = PeriodicExportingMetricReader(exporter, 3_600_000)
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    provider.get_meter("test").create_counter("c").add(1)
    chosen = exporter._preferred_temporality
    delta = AggregationTemporality.DELTA
    assert (delta in chosen.values()) == (preference != "cumulative")
    provider.shutdown()


def emitted(processor: Any) -> sdk_logs.LoggerProvider:
    provider = sdk_logs.LoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    return provider


def write(provider: sdk_logs.LoggerProvider, message: str, **extra: Any) -> None:
    """Log through the SDK's own handler, where this version has one that is not deprecated."""
    emit_record(provider, body=message, attributes=extra)


def emit_record(provider: sdk_logs.LoggerProvider, **fields: Any) -> None:
    from opentelemetry._logs import LogRecord

    values: dict[str, Any] = {
        "timestamp": 1_700_000_000_000_000_001,
        "observed_timestamp": 1_700_000_000_000_000_002,
        "severity_number": SeverityNumber.WARN,
        "severity_text": "WARNING",
        **fields,
    }
    provider.get_logger("test", "1.2", attributes={"in": "scope"}).emit(LogRecord(**values))


def test_logs_arrive_without_secrets(backend: Backend, pipeline: Pipeline) -> None:
    """Body and attributes of a log record arrive, a token in the body does not."""
    provider = emitted(LogProcessor(pipeline))
    write(provider, "calling with Authorization: Bearer abcdef0123456789abcdef", user="alice")
    assert provider.force_flush()
    provider.shutdown()
    (body,) = backend.bodies("/v1/logs")
    message = ExportLogsServiceRequest.FromString(body)
    (record,) = message.resource_logs[0].scope_logs[0].log_records
    assert "abcdef0123456789" not in record.body.string_value
    assert "calling with" in record.body.string_value
    assert {pair.key for pair in record.attributes} >= {"user"}
    assert pipeline.stats().signals["logs"].acknowledged == 1


class Catcher(LogProcessor):
    """Keeps what the SDK hands out."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def on_emit(self, log_record: Any) -> None:
        self.records.append(log_record)

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


BODIES: list[Any] = ["text", 42, 2.5, True, b"raw", ["a", 1], {"k": {"n": [1, 2]}}, ""]


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_log_records_are_encoded_as_the_sdk_does(body: Any) -> None:
    """Field for field the same message as the SDK's own encoder makes, redaction aside."""
    catcher = Catcher()
    provider = emitted(catcher)
    emit_record(
        provider,
        body=body,
        attributes={"a": 1, "b": "x", "c": (1, 2), "d": 2.5, "e": False},
        trace_id=0x1234567890ABCDEF1234567890ABCDEF,
        span_id=0x1234567890ABCDEF,
        trace_flags=1,
        event_name="shop.sold",
    )
    encoded, items = LogEncoder(None).encode(catcher.records)
    assert items == 1
    theirs = encode_logs(catcher.records)
    assert ExportLogsServiceRequest.FromString(encoded) == theirs
    provider.shutdown()


def test_the_log_exporter_takes_batches(backend: Backend, pipeline: Pipeline) -> None:
    """Under a batch processor of the SDK, built by hand, records arrive too."""
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = emitted(BatchLogRecordProcessor(LogExporter(pipeline)))
    write(provider, "one")
    write(provider, "two")
    provider.force_flush()
    provider.shutdown()
    assert pipeline.flush(5)
    count = sum(
        len(scope.log_records)
        for body in backend.bodies("/v1/logs")
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in resource.scope_logs
    )
    assert count == 2


def test_a_hostile_log_record_costs_only_itself(backend: Backend, pipeline: Pipeline) -> None:
    """A record whose body cannot even be printed is encoded as far as possible, or counted."""

    class Hostile:
        def __str__(self) -> str:
            raise SystemExit("gotcha")

        __repr__ = __str__

    provider = emitted(LogProcessor(pipeline))
    emit_record(provider, body=Hostile(), attributes={})
    write(provider, "harmless \ud800")
    assert provider.force_flush()
    provider.shutdown()
    stats = pipeline.stats().signals["logs"]
    assert stats.acknowledged + sum(stats.dropped.values()) == 2
    assert any(b"harmless" in body for body in backend.bodies("/v1/logs"))


def test_a_flood_of_logs_is_bounded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound of the queue records are counted as dropped, and memory stays bounded."""
    from vaquero.pipeline.otlp import logs

    monkeypatch.setattr(logs, "MAX_RECORDS", 10)
    monkeypatch.setattr(pipeline, "_call_writer", lambda: None)
    provider = emitted(LogProcessor(pipeline))
    for number in range(25):
        write(provider, f"line {number}")
    assert pipeline.stats().signals["logs"].dropped == {"queue_full": 15}
    provider.shutdown()


def test_nothing_is_said_while_all_is_well(
    backend: Backend, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    """A healthy life of all signals logs nothing."""
    with caplog.at_level(logging.INFO):
        provider = emitted(LogProcessor(pipeline))
        write(provider, "one")
        assert provider.force_flush()
        provider.shutdown()
    assert not caplog.records
