"""The facade on both kinds of provider: the application's own (the SDK's), and ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider as SdkProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vaquero import _guard, _runtime
from vaquero.facade import route


class Spans:
    """What arrived, by name."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def names(self) -> list[str]:
        return [span.name for span in self.all()]

    def one(self, name: str) -> ReadableSpan:
        found = [span for span in self.all() if span.name == name]
        assert len(found) == 1, f"{len(found)} spans are named {name!r} among {self.names()}"
        return found[0]

    def attributes(self, name: str) -> dict[str, Any]:
        return dict(self.one(name).attributes or {})

    def parent_of(self, name: str) -> str | None:
        parent = self.one(name).parent
        if parent is None:
            return None
        by_id = {span.context.span_id: span.name for span in self.all() if span.context}
        return by_id[parent.span_id]


@pytest.fixture(autouse=True)
def no_provider(quiet_beginning: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No global provider, nothing starts by itself, and faults of our own are raised."""
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(_runtime, "starter", None)
    monkeypatch.setattr(_guard, "strict", True)
    route.forget()
    yield
    route.forget()


def provider_of(kind: str, **options: Any) -> SdkProvider:
    """A provider of the application's (``host``) or of our own (``ours``)."""
    if kind == "host":
        return SdkProvider(shutdown_on_exit=False, **options)
    from vaquero.tracing import TracerProvider

    return TracerProvider(shutdown_on_exit=False, **options)


@pytest.fixture(params=["host", "ours"])
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SdkProvider:
    """The global provider, of either kind."""
    made = provider_of(request.param)
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", made)
    return made


@pytest.fixture
def spans(provider: SdkProvider) -> Spans:
    """What the global provider's spans become."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(exporter)


@pytest.fixture
def silence(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails where vaquero or OpenTelemetry said anything."""
    caplog.set_level(logging.DEBUG)
    yield
    said = [
        f"{record.name}: {record.getMessage()}"
        for record in caplog.get_records("call")
        if record.name.startswith(("opentelemetry", "vaquero")) and record.levelno >= logging.INFO
    ]
    assert said == []
