"""Adapters for logs of the SDK; apart from the metrics' because each loads its half of the SDK.

They work with every SDK since 1.38, whose classes were renamed in between: they are written against
what the classes have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import opentelemetry.sdk._logs as _sdk_logs
import opentelemetry.sdk._logs.export as _sdk_logs_export

from vaquero import _guard, _process
from vaquero.pipeline.adapters.spans import pipeline_in_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaquero.pipeline.pipeline import Pipeline

# Renamed in SDK 1.39: LogExporter -> LogRecordExporter, LogExportResult -> LogRecordExportResult.
_names: Any = vars(_sdk_logs_export)
_LogExporterBase: Any = _names.get("LogRecordExporter") or _names["LogExporter"]
_LogResult: Any = _names.get("LogRecordExportResult") or _names["LogExportResult"]


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
        self._closed = not _process.exiting()

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
