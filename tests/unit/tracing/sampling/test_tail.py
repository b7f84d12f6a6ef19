"""Errors and slow traces are kept whole; of the rest a share."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.trace import Status, StatusCode

from vaquero.tracing import TracerProvider
from vaquero.tracing.sampling.tail import TailHolder, TailSink


class Taken:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def put(self, span: Any, /) -> None:
        self.spans.append(span)


@pytest.fixture(params=[TracerProvider, SdkTracerProvider], ids=["ours", "sdk"])
def provider(request: pytest.FixtureRequest) -> Any:
    """A provider of either kind."""
    return request.param(resource=Resource({}), shutdown_on_exit=False)


def _tail(provider: Any, **settings: Any) -> tuple[Any, Taken, TailSink]:
    taken = Taken()
    sink = TailSink(taken, **{"share": 0.0, **settings})
    provider.add_span_processor(TailHolder(sink))
    return provider.get_tracer("t"), taken, sink


def test_a_failed_trace_is_kept_whole(provider: Any) -> None:
    """One span that failed keeps its root and its siblings, those before it too."""
    tracer, taken, _ = _tail(provider)
    with tracer.start_as_current_span("root"):
        tracer.start_span("fine").end()
        failed = tracer.start_span("failed")
        failed.set_status(Status(StatusCode.ERROR))
        failed.end()
    with tracer.start_as_current_span("other"):
        pass

    assert sorted(span.name for span in taken.spans) == ["failed", "fine", "root"]


def test_a_slow_trace_is_kept(provider: Any) -> None:
    """The root's duration decides."""
    tracer, taken, _ = _tail(provider, slow_ms=1000)
    tracer.start_span("slow", start_time=10**18).end(10**18 + 2 * 10**9)
    tracer.start_span("quick", start_time=10**18).end(10**18 + 10**6)

    assert [span.name for span in taken.spans] == ["slow"]


def test_a_share_of_the_others_is_kept_and_said(provider: Any) -> None:
    """Over many traces the share is right; those kept by it say so."""
    tracer, taken, _ = _tail(provider, share=0.25)
    random.seed(11)
    for _ in range(4000):
        tracer.start_span("root").end()

    assert 850 < len(taken.spans) < 1150
    if isinstance(provider, TracerProvider):
        assert {span.context.trace_state.get("ot") for span in taken.spans} == {"th:c"}


def test_a_span_that_ends_after_its_root_shares_its_fate(provider: Any) -> None:
    """The decision is remembered."""
    tracer, taken, _ = _tail(provider, slow_ms=0)
    root = tracer.start_span("root")
    from opentelemetry.trace import set_span_in_context

    late = tracer.start_span("late", context=set_span_in_context(root))
    root.end()
    late.end()

    assert [span.name for span in taken.spans] == ["root", "late"]


def test_what_waits_is_bounded(provider: Any) -> None:
    """A trace whose root never ends does not hold the others, nor memory."""
    tracer, taken, sink = _tail(provider, share=1.0, max_spans=10)
    from opentelemetry.trace import set_span_in_context

    root = tracer.start_span("never ends")
    for _ in range(50):
        tracer.start_span("child", context=set_span_in_context(root)).end()

    assert len(taken.spans) >= 40
    assert sink._spans <= 10


def test_a_flush_decides_what_waits(provider: Any) -> None:
    """At an exit nothing is lost for want of a root."""
    tracer, taken, _ = _tail(provider, share=1.0)
    from opentelemetry.trace import set_span_in_context

    root = tracer.start_span("root")
    tracer.start_span("child", context=set_span_in_context(root)).end()
    provider.force_flush()

    assert [span.name for span in taken.spans] == ["child"]


def test_many_threads_lose_nothing(provider: Any) -> None:
    """Concurrent traces are each kept whole, once."""
    tracer, taken, _ = _tail(provider, share=1.0)

    def work() -> None:
        for _ in range(100):
            with tracer.start_as_current_span("root"):
                tracer.start_span("child").end()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert len({span.context.span_id for span in taken.spans}) == len(taken.spans) == 1600
