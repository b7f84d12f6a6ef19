"""Spans of the SDK, through the adapters for providers that are built by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tests.unit.pipeline.service import names
from vaquero import _runtime
from vaquero.pipeline import Destination, Pipeline, PipelineSettings, SpanExporter, SpanProcessor

if TYPE_CHECKING:
    import pytest

    from tests.support.otlp_receiver import OtlpReceiver
    from tests.unit.pipeline.service import Service


def test_unsampled_spans_are_not_taken(backend: OtlpReceiver) -> None:
    """What the sampler refused never enters the pipeline."""
    pipeline = Pipeline(PipelineSettings(traces=Destination(f"{backend.url}/v1/traces")))
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(pipeline))
    provider.get_tracer("t").start_span("x").end()
    assert pipeline.stats().spans_accepted == 0


def test_the_exporter_serves_a_batch_processor(backend: OtlpReceiver, service: Service) -> None:
    """For code that builds the SDK's own processor: the batch arrives through the pipeline."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(SpanExporter(service.pipeline)))
    provider.get_tracer("t").start_span("batched").end()
    provider.shutdown()
    assert names(backend) == ["batched"]


def test_the_processor_finds_the_pipeline_in_use(
    backend: OtlpReceiver, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an argument it uses the pipeline of the SDK in use, when the first span ends."""
    monkeypatch.setattr(_runtime, "starter", None)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor())
    tracer = provider.get_tracer("t")
    tracer.start_span("nobody takes this").end()
    _runtime.set_sdk(type("Sdk", (), {"pipeline": service.pipeline})())
    tracer.start_span("found").end()
    assert provider.force_flush()
    assert names(backend) == ["found"]
