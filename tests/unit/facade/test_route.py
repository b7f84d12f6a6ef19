"""Which provider the facade's spans go to, and when something is started."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import vaquero
from vaquero import _guard, _runtime
from vaquero.facade import route
from vaquero.facade.span_handle import NOOP

from .conftest import Spans, provider_of


def _watched(kind: str) -> tuple[Any, Spans]:
    exporter = InMemorySpanExporter()
    provider = provider_of(kind)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, Spans(exporter)


@pytest.mark.parametrize("kind", ["host", "ours"])
def test_a_provider_set_later_is_followed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and decorated functions go to the provider that is global at the time of the call."""
    first, first_spans = _watched("ours")
    second, second_spans = _watched(kind)

    @vaquero.trace
    def work() -> None:
        with vaquero.span("block"):
            pass

    work()
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", first)
    work()
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", second)
    work()

    assert len(first_spans.names()) == 2
    assert sorted(second_spans.names()) == sorted(first_spans.names())


def test_the_first_call_starts_the_sdk_and_only_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing and decorating start nothing; the first call starts the default SDK once."""
    provider, spans = _watched("ours")
    started = []

    class Sdk:
        tracer_provider = provider

    def start() -> Any:
        started.append(1)
        sdk = Sdk()
        _runtime.set_sdk(sdk)
        return sdk

    monkeypatch.setattr(_runtime, "starter", start)

    @vaquero.trace(agent_name="agent")
    class Service:
        def run(self) -> None:
            pass

    @vaquero.span("function")
    def function() -> None:
        pass

    vaquero.span("never used")
    assert started == []
    Service().run()
    function()

    assert started == [1]
    assert spans.names() == ["agent.run", "function"]


def test_the_sdk_in_use_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no provider is global the spans go to the SDK in use, also when it changes."""
    for _ in range(2):
        provider, spans = _watched("ours")
        monkeypatch.setattr(_runtime, "sdk", type("Sdk", (), {"tracer_provider": provider})())
        with vaquero.span("s"):
            pass
        assert spans.names() == ["s"]


def test_a_start_that_fails_is_no_fault_of_the_application(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the SDK cannot start, calls run unspanned and one line says so."""

    def fail() -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(_guard, "strict", False)
    monkeypatch.setattr(_runtime, "starter", fail)
    with vaquero.span("s") as span:
        assert not span

    assert "vaquero itself failed in starting the SDK" in caplog.text


def test_a_provider_that_fails_is_no_fault_of_the_application(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tracer that raises leaves block and function running, without a span."""

    class Tracer(trace_api.NoOpTracer.__base__):  # type: ignore[name-defined, misc]
        def start_span(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("broken sampler")

        def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("broken sampler")

    class Provider(trace_api.TracerProvider):
        def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
            return Tracer()

    monkeypatch.setattr(_guard, "strict", False)
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", Provider())

    @vaquero.trace
    def work() -> int:
        with vaquero.span("s") as span:
            assert not span
        bare = vaquero.span("bare")
        bare.set_attribute("a", 1)
        bare.finish()
        return 3

    assert work() == 3


@pytest.mark.parametrize("provider_now", [None, trace_api.NoOpTracerProvider()])
def test_without_a_provider_there_is_no_span(
    monkeypatch: pytest.MonkeyPatch, provider_now: Any
) -> None:
    """Nothing set up: blocks give the false span, functions run, and nothing becomes current."""
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", provider_now)

    @vaquero.trace
    def work() -> str:
        return "done"

    with vaquero.span("s", a=1) as span:
        assert span is NOOP
        assert work() == "done"
        assert not trace_api.get_current_span().get_span_context().is_valid
    bare = vaquero.span("bare")
    bare.set_attribute("a", 1)
    assert not bare.is_recording()


def test_switched_off_means_one_shared_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """With OTEL_SDK_DISABLED a span is the shared false one in every use, and starts nothing."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setattr(_runtime, "starter", lambda: pytest.fail("something was started"))
    route.forget()
    with vaquero.span("s") as first:
        assert first is NOOP

    def function() -> int:
        return 3

    assert vaquero.span("s") is NOOP
    assert vaquero.span("s")(function) is function
    assert vaquero.trace(function)() == 3
    vaquero.span("s").finish()


@pytest.mark.parametrize("kind", ["host", "ours"])
def test_spans_that_are_not_sampled_are_spans(
    kind: str, monkeypatch: pytest.MonkeyPatch, silence: None
) -> None:
    """A dropped span is true, has ids, takes everything and is the parent of its children."""
    provider = provider_of(kind, sampler=ALWAYS_OFF)
    monkeypatch.setattr(trace_api, "_TRACER_PROVIDER", provider)
    with vaquero.span("s", {"a": {"b": None}}) as span:
        assert span
        assert not span.is_recording()
        span.set_attribute("a", {"b": None})
        span.set_tag("t", 1)
        span.set_error(ValueError("x"))
        with vaquero.span("child") as child:
            assert child.trace_id == span.trace_id
            assert vaquero.get_current_span_id() == child.span_id


def test_importing_the_facade_loads_no_sdk() -> None:
    """Taking ``vaquero.span`` and ``vaquero.trace`` loads neither SDK, psutil nor HTTP."""
    code = (
        "import sys, threading, vaquero; vaquero.span, vaquero.trace, vaquero.get_current_span\n"
        "heavy = ('opentelemetry.sdk', 'psutil', 'urllib3', 'requests', 'http.client')\n"
        "print([name for name in heavy if name in sys.modules], threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[] 1"
