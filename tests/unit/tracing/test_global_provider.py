"""Being the global provider without taking the place of the application's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from vaquero.tracing import TracerProvider, global_provider


@pytest.fixture(autouse=True)
def fresh_global(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The API as in a new process."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    yield


def made(kind: type[SdkTracerProvider]) -> tuple[SdkTracerProvider, InMemorySpanExporter]:
    """A provider and what its spans are exported to."""
    exporter = InMemorySpanExporter()
    provider = kind(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def names(exporter: InMemorySpanExporter) -> list[str]:
    """Names of the exported spans."""
    return [span.name for span in exporter.get_finished_spans()]


def test_offered_provider_serves_old_and_new_tracers() -> None:
    """Tracers had before and after the offer make spans on the offered provider."""
    before = trace.get_tracer("before")
    provider, exporter = made(TracerProvider)
    assert global_provider.set_default(provider)
    before.start_span("one").end()
    trace.get_tracer("after").start_span("two").end()
    assert names(exporter) == ["one", "two"]


def test_application_sets_its_own_and_all_follow(caplog: pytest.LogCaptureFixture) -> None:
    """A later ``set_tracer_provider`` succeeds, and all tracers handed out follow it."""
    proxy = trace.get_tracer("proxy")
    ours, our_exporter = made(TracerProvider)
    assert global_provider.set_default(ours)
    direct = trace.get_tracer("direct", "1", schema_url="https://schema", attributes={"a": 1})
    proxy.start_span("ours").end()
    theirs, their_exporter = made(SdkTracerProvider)
    trace.set_tracer_provider(theirs)
    assert trace.get_tracer_provider() is theirs
    assert "Overriding" not in caplog.text
    for tracer in (proxy, direct, trace.get_tracer("new")):
        with tracer.start_as_current_span("theirs") as span:
            assert trace.get_current_span() is span
    assert names(our_exporter) == ["ours"]
    assert names(their_exporter) == ["theirs"] * 3
    scopes = [span.instrumentation_scope for span in their_exporter.get_finished_spans()]
    assert [scope.name for scope in scopes if scope] == ["proxy", "direct", "new"]


def test_spans_of_both_providers_join_one_trace() -> None:
    """A span of ours that runs while the provider changes becomes the parent of theirs."""
    ours, our_exporter = made(TracerProvider)
    assert global_provider.set_default(ours)
    tracer = trace.get_tracer("scope")
    theirs, their_exporter = made(SdkTracerProvider)
    with tracer.start_as_current_span("parent") as parent:
        trace.set_tracer_provider(theirs)
        with tracer.start_as_current_span("child"):
            pass
    (child,) = their_exporter.get_finished_spans()
    assert child.parent == parent.get_span_context()
    assert names(our_exporter) == ["parent"]


def test_no_offer_where_the_application_has_set_one() -> None:
    """An application's provider stays, and the offer says that it changed nothing."""
    theirs, _ = made(SdkTracerProvider)
    trace.set_tracer_provider(theirs)
    assert global_provider.set_default(made(TracerProvider)[0]) is False
    assert trace.get_tracer_provider() is theirs


def test_no_offer_where_the_api_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the API keeps its provider in another way nothing is touched."""
    monkeypatch.delattr(trace, "_TRACER_PROVIDER_SET_ONCE")
    assert global_provider.set_default(made(TracerProvider)[0]) is False
    assert trace._TRACER_PROVIDER is None


def test_withdrawn_provider_leaves_its_tracers_to_the_next() -> None:
    """After a withdrawal tracers record nothing, until the next provider is there."""
    first, first_exporter = made(TracerProvider)
    assert global_provider.set_default(first)
    tracer = trace.get_tracer("scope")
    global_provider.unset(first)
    assert not tracer.start_span("nowhere").is_recording()
    second, second_exporter = made(TracerProvider)
    assert global_provider.set_final(second)
    tracer.start_span("second").end()
    assert (names(first_exporter), names(second_exporter)) == ([], ["second"])


def test_taken_place_can_be_taken_again_after_withdrawal() -> None:
    """Init, shutdown and init again puts the second provider in place."""
    first, _ = made(TracerProvider)
    assert global_provider.set_final(first)
    global_provider.unset(first)
    second, exporter = made(TracerProvider)
    assert global_provider.set_final(second)
    trace.get_tracer("scope").start_span("second").end()
    assert names(exporter) == ["second"]


def test_take_leaves_the_applications_provider() -> None:
    """What the application has set is not replaced."""
    theirs, _ = made(SdkTracerProvider)
    trace.set_tracer_provider(theirs)
    assert global_provider.set_final(made(TracerProvider)[0]) is False
    assert trace.get_tracer_provider() is theirs


def test_disabled_provider_is_offered_and_makes_nothing() -> None:
    """A disabled process has a global provider whose tracers do nothing, until another is there."""
    assert global_provider.set_disabled_default()
    tracer = trace.get_tracer("scope")
    with tracer.start_as_current_span("name") as span:
        assert not span.is_recording()
    provider, exporter = made(TracerProvider)
    assert global_provider.set_default(provider)
    trace.get_tracer("scope").start_span("name").end()
    assert names(exporter) == ["name"]
