"""Adapters for tracer providers built by hand: a span processor and a span exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor as SdkSpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter as SdkSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from vaquero import _guard, _process, _runtime
from vaquero._process import EXIT_BUDGET_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from vaquero.pipeline.pipeline import Pipeline
    from vaquero.record import Sink, SpanRecord


class _LazySink:
    """The sink of the SDK in use, which the first span starts; before that there is none."""

    def put(self, span: SpanRecord | ReadableSpan, /) -> None:
        pipeline = pipeline_in_use()
        if pipeline is not None:
            pipeline.sink.put(span)


def pipeline_in_use() -> Pipeline | None:
    """The pipeline of the SDK in use, started where there is none; None where it is disabled."""
    sdk: Any = _runtime.sdk
    if sdk is None:
        try:
            sdk = _runtime.ensure_started()
        except Exception as error:
            _guard.report(error, "starting vaquero")
            return None
    return getattr(sdk, "pipeline", None)


class SpanProcessor(SdkSpanProcessor):
    """Hands finished spans to vaquero's pipeline; for a ``TracerProvider`` built by hand.

    ::

        provider = TracerProvider()
        provider.add_span_processor(vaquero.SpanProcessor())

    It never raises and never waits. Whoever made the pipeline ends it: shutting the provider down
    only sends what there is.

    Args:
        pipeline: Where spans go; by default the pipeline of the SDK in use.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self._pipeline = pipeline
        self._closed = False
        #: Where finished spans go; a provider of ours calls it directly.
        self.sink: Sink = pipeline.sink if pipeline is not None else _LazySink()
        # Straight to where spans of the SDK go, without asking each what it is.
        self._put = pipeline.put_span if pipeline is not None else self.sink.put

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing happens at the start of a span."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a finished span, if it is sampled."""
        context = span.context
        if context is None or not context.trace_flags.sampled or self._closed:
            return
        self._put(span)

    def shutdown(self) -> None:
        """Send what there is; later spans are not taken, unless the process is exiting."""
        pipeline = self._pipeline
        if _process.exiting():
            if pipeline is not None:
                pipeline.at_exit(pipeline.settings.exit_timeout_s)
            return
        self._closed = True
        if pipeline is not None:
            pipeline.flush(pipeline.settings.exit_timeout_s)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send everything accepted so far; see :meth:`vaquero.pipeline.Pipeline.flush`."""
        pipeline = self._pipeline
        if pipeline is None:
            pipeline = getattr(_runtime.sdk, "pipeline", None)
        return pipeline.flush(timeout_millis / 1000.0) if pipeline is not None else True


class SpanExporter(SdkSpanExporter):
    """Gives batches of an SDK span processor to vaquero's pipeline.

    For code that builds a ``BatchSpanProcessor`` or ``SimpleSpanProcessor`` itself. A batch is
    accepted, not yet delivered, when ``export`` returns: the pipeline spools and retries.

    Args:
        pipeline: Where spans go; by default the pipeline of the SDK in use.
    """

    def __init__(self, pipeline: Pipeline | None = None) -> None:
        self._pipeline = pipeline
        self._closed = False

    @_guard.quiet(SpanExportResult.FAILURE)
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take a batch of finished spans."""
        pipeline = self._pipeline or pipeline_in_use()
        if pipeline is None or self._closed:
            return SpanExportResult.FAILURE
        put = pipeline.sink.put
        for span in spans:
            put(span)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Send what there is."""
        self._closed = not _process.exiting()
        self.force_flush(int(EXIT_BUDGET_S * 1000))

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send everything accepted so far; see :meth:`vaquero.pipeline.Pipeline.flush`."""
        pipeline = self._pipeline or getattr(_runtime.sdk, "pipeline", None)
        return pipeline.flush(timeout_millis / 1000.0) if pipeline is not None else True
