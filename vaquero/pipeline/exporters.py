"""Adapters for metrics and logs of the SDK. They load what they need, so spans alone do not.

``LogExporter`` and ``LogProcessor`` work with every SDK since 1.38, whose classes were renamed in
between: they are written against what the classes have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import opentelemetry.sdk._logs as _sdk_logs
import opentelemetry.sdk._logs.export as _sdk_logs_export
from opentelemetry.sdk.metrics.export import MetricExporter as SdkMetricExporter
from opentelemetry.sdk.metrics.export import MetricExportResult

from vaquero import _guard
from vaquero.pipeline import life, metrics
from vaquero.pipeline.processors import SpanExporter, pipeline_in_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.metrics.export import MetricsData

    from vaquero.pipeline.door import Pipeline

__all__ = ["LogExporter", "LogProcessor", "MetricExporter", "SpanExporter"]

# Renamed in SDK 1.39: LogExporter -> LogRecordExporter, LogExportResult -> LogRecordExportResult.
_names: Any = vars(_sdk_logs_export)
_LogExporterBase: Any = _names.get("LogRecordExporter") or _names["LogExporter"]
_LogResult: Any = _names.get("LogRecordExportResult") or _names["LogExportResult"]


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
            preferred_temporality=metrics.temporality(temporality),
            preferred_aggregation=metrics.aggregation(histogram_aggregation),
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


class LogProcessor(_sdk_logs.LogRecordProcessor):
    """Hands log records to vaquero's pipeline. No thread of its own; the queue is bounded.

    Args:
        pipeline: Where records go; by default the pipeline of the SDK in use.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self._pipeline = pipeline
        self._closed = False

    def on_emit(self, log_record: Any) -> None:
        """Take a record; it is encoded later, by the writer's thread."""
        if self._closed:
            return
        pipeline = self._pipeline or pipeline_in_use()
        if pipeline is not None:
            pipeline.put_log(log_record)

    def shutdown(self) -> None:
        """Take no more records, unless the process is exiting."""
        self._closed = not life.exiting()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what was taken; see :meth:`vaquero.pipeline.Pipeline.flush`."""
        return self._pipeline.flush(timeout_millis / 1000.0) if self._pipeline is not None else True


class LogExporter(_LogExporterBase):
    """Gives batches of an SDK log processor to vaquero's pipeline.

    Args:
        pipeline: Where records go; by default the pipeline of the SDK in use.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self._pipeline = pipeline

    @_guard.quiet(_LogResult.FAILURE)
    def export(self, batch: Sequence[Any]) -> Any:
        """Take a batch of records."""
        pipeline = self._pipeline or pipeline_in_use()
        if pipeline is None:
            return _LogResult.FAILURE
        for record in batch:
            pipeline.put_log(record)
        return _LogResult.SUCCESS

    def force_flush(self, timeout_millis: int = 10000) -> bool:
        """Send what was taken; see :meth:`vaquero.pipeline.Pipeline.flush`."""
        return self._pipeline.flush(timeout_millis / 1000.0) if self._pipeline is not None else True

    def shutdown(self) -> None:
        """Nothing to end: the pipeline belongs to whoever made it."""
