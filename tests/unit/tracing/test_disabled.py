"""Tracers of a disabled SDK."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanContext

from vaquero.tracing import TracerProvider


def test_disabled_provider_passes_the_context_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disabled provider makes nothing, and hands on the context of a remote parent."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    tracer: Any = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    with tracer.start_as_current_span("name") as span:
        assert span is trace.INVALID_SPAN and trace.get_current_span() is span

    def function() -> None: ...

    assert tracer.start_as_current_span("name")(function) is function
    remote = trace.NonRecordingSpan(SpanContext(1, 2, True, trace.TraceFlags(1)))
    with trace.use_span(remote):
        with tracer.start_as_current_span("name") as span:
            assert span.get_span_context().trace_id == 1
