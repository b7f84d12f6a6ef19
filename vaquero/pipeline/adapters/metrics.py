"""The adapter for metrics of the SDK. It loads what it needs, so spans alone do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricExporter as SdkMetricExporter
from opentelemetry.sdk.metrics.export import MetricExportResult

from vaquero import _guard
from vaquero.pipeline.adapters.spans import pipeline_in_use
from vaquero.pipeline.otlp import metric_batches

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from vaquero.pipeline.pipeline import Pipeline

__all__ = ["MetricExporter"]


class MetricExporter(SdkMetricExporter):
    """Gives collected metrics to vaquero's pipeline; for a ``PeriodicExportingMetricReader``.

    Args:
        pipeline: Where metrics go; by default the pipeline of the SDK in use.
        temporality: ``cumulative``, ``delta`` or ``lowmemory``, as
            ``OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`` has it.
        histogram_aggregation: ``explicit_bucket_histogram`` or
            ``base2_exponential_bucket_histogram``.
    """

    def __init__(
        self,
        pipeline: Pipeline | None = None,
        *,
        temporality: str = "cumulative",
        histogram_aggregation: str = "explicit_bucket_histogram",
    ) -> None:
        super().__init__(
            preferred_temporality=metric_batches.temporality(temporality),
            preferred_aggregation=metric_batches.aggregation(histogram_aggregation),
        )
        self._pipeline = pipeline

    @_guard.quiet(MetricExportResult.FAILURE)
    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Encode and take a collection; what cannot be encoded is left out and counted."""
        pipeline = self._pipeline or pipeline_in_use()
        if pipeline is None:
            return MetricExportResult.FAILURE
        done = True
        for body, points in pipeline.metrics_codec.encode(metrics_data):
            done = pipeline.put_request("metrics", body, points) and done
        return MetricExportResult.SUCCESS if done else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Send what was exported; see :meth:`vaquero.pipeline.Pipeline.flush`."""
        return self._pipeline.flush(timeout_millis / 1000.0) if self._pipeline is not None else True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Nothing to end: the pipeline belongs to whoever made it."""
