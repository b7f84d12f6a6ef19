"""The metrics of the pipeline itself."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tests.support.otlp_receiver import Answer
from vaquero.pipeline import Pipeline, PipelineSettings
from vaquero.pipeline.self_metrics import register_instruments

if TYPE_CHECKING:
    from tests.support.otlp_receiver import OtlpReceiver
    from tests.unit.pipeline.service import Service


def test_the_counts_are_observed(backend: OtlpReceiver, service: Service) -> None:
    """Drops by reason, spool, retries, and the names of the semantic conventions."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    register_instruments(meters.get_meter("vaquero"), service.pipeline)
    backend.answer = Answer(400)
    service.spans(4)
    service.pipeline.flush(10)
    data: Any = reader.get_metrics_data()
    points = {
        metric.name: list(metric.data.data_points)
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    dropped = points["vaquero.spans.dropped"][0]
    assert (dropped.value, dict(dropped.attributes)) == (4, {"reason": "http_400"})
    assert points["vaquero.export.errors"][0].value >= 1
    assert points["vaquero.spool.size"][0].value == 0
    exported = points["otel.sdk.exporter.span.exported"]
    assert {point.attributes.get("error.type") for point in exported} == {None, "http_400"}
    assert points["otel.sdk.processor.span.queue.capacity"][0].value > 0
    meters.shutdown()


def test_a_pipeline_that_ended_is_not_observed() -> None:
    """The instruments hold the pipeline weakly: once it is gone they have no points."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    pipeline = Pipeline(PipelineSettings())
    register_instruments(meters.get_meter("vaquero"), pipeline)
    assert reader.get_metrics_data() is not None
    del pipeline
    gc.collect()
    assert reader.get_metrics_data() is None
    meters.shutdown()
