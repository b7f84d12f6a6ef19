"""A pipeline behind a provider of the SDK, and what its backend got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider

from vaquero.pipeline import Destination, Pipeline, PipelineSettings, SpanProcessor

if TYPE_CHECKING:
    from tests.support.otlp_receiver import OtlpReceiver


class Service:
    """A pipeline behind a provider of the SDK."""

    def __init__(self, backend: OtlpReceiver, **more: Any) -> None:
        destination = Destination(f"{backend.url}/v1/traces", named_by_user=True)
        self.pipeline = Pipeline(PipelineSettings(traces=destination, **more))
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.processor = SpanProcessor(self.pipeline)
        self.provider.add_span_processor(self.processor)
        self.tracer = self.provider.get_tracer("t")

    def spans(self, count: int) -> None:
        """End so many spans, ``s0`` and on."""
        for number in range(count):
            self.tracer.start_span(f"s{number}").end()


def names(backend: OtlpReceiver) -> list[str]:
    """The names of all spans that arrived."""
    return [
        span.name
        for body in backend.bodies("/v1/traces")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
