"""Metrics of the SDK, through the pipeline, to a backend that understands OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from vaquero.pipeline.exporters import MetricExporter
from vaquero.pipeline.otlp.metrics import MetricsEncoder

if TYPE_CHECKING:
    from tests.support.otlp_receiver import OtlpReceiver
    from vaquero.pipeline import Pipeline

RESOURCE = Resource({"service.name": "shop"}, "https://opentelemetry.io/schemas/1.40.0")


def metrics_of(backend: OtlpReceiver) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for body in backend.bodies("/v1/metrics"):
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                found.update({metric.name: metric for metric in scope.metrics})
    return found


def test_metrics_arrive(backend: OtlpReceiver, pipeline: Pipeline) -> None:
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
    backend: OtlpReceiver, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
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


def test_secrets_in_metric_attributes_do_not_leave(
    backend: OtlpReceiver, pipeline: Pipeline
) -> None:
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
def test_temporality_follows_the_preference(
    preference: str, backend: OtlpReceiver, pipeline: Pipeline
) -> None:
    """Counters are cumulative or delta as the exporter's preference says."""
    exporter = MetricExporter(pipeline, temporality=preference)
    reader = PeriodicExportingMetricReader(exporter, 3_600_000)
    provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
    provider.get_meter("test").create_counter("c").add(1)
    assert provider.force_flush()
    temporality = metrics_of(backend)["c"].sum.aggregation_temporality
    is_delta = temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    assert is_delta == (preference != "cumulative")
    provider.shutdown()
