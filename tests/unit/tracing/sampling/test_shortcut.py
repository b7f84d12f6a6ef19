"""Short cuts around samplers decide as the samplers do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, StaticSampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from vaquero.tracing import TracerProvider
from vaquero.tracing.sampling.shortcut import LOW_BITS, read_bounds

leaves = st.one_of(
    st.sampled_from([sampling.ALWAYS_ON, sampling.ALWAYS_OFF]),
    st.floats(0, 1).map(sampling.TraceIdRatioBased),
)
samplers = st.one_of(
    leaves,
    st.floats(0, 1).map(sampling.ParentBasedTraceIdRatio),
    st.builds(ParentBased, leaves, leaves, leaves, leaves, leaves),
)


@settings(deadline=None)
@given(
    sampler=samplers,
    trace_id=st.integers(1, 2**128 - 1),
    remote=st.booleans(),
    sampled=st.booleans(),
    root=st.booleans(),
)
def test_rules_decide_as_the_sampler(
    sampler: Any, trace_id: int, remote: bool, sampled: bool, root: bool
) -> None:
    """For every kind of parent and any trace id the bound says what the sampler says."""
    bounds = read_bounds(sampler)
    assert bounds is not None
    context = Context()
    if not root:
        parent = SpanContext(trace_id, 1, remote, TraceFlags(int(sampled)))
        context = trace.set_span_in_context(NonRecordingSpan(parent), context)
    said = sampler.should_sample(context, trace_id, "name", SpanKind.INTERNAL)
    kind = f"{'remote' if remote else 'local'}_{'sampled' if sampled else 'dropped'}"
    bound = bounds.root if root else getattr(bounds, kind)
    assert ((trace_id & LOW_BITS) < bound) == (said.decision is Decision.RECORD_AND_SAMPLE)


class Own(ParentBased):
    """A subclass may decide in any way."""


@pytest.mark.parametrize(
    "sampler",
    [
        Own(sampling.ALWAYS_ON),
        ParentBased(Own(sampling.ALWAYS_ON)),
        StaticSampler(Decision.RECORD_ONLY),
        object(),
        None,
    ],
)
def test_other_samplers_have_no_bounds(sampler: Any) -> None:
    """Whatever is not known exactly is called."""
    assert read_bounds(sampler) is None


def test_replaced_method_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler whose method somebody replaced has no short cut."""
    sampler = StaticSampler(Decision.RECORD_AND_SAMPLE)
    sampler.should_sample = lambda *args, **kwargs: None  # type: ignore[method-assign]
    assert read_bounds(sampler) is None


def test_sampler_set_later_holds() -> None:
    """A sampler that is set on a tracer decides from the next span on."""
    tracer: Any = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    assert tracer.start_span("name").is_recording()
    tracer.sampler = sampling.ALWAYS_OFF
    assert not tracer.start_span("name").is_recording()


def test_failing_sampler_is_replaced_by_the_default() -> None:
    """A sampler that raises does not reach the application, and no span is lost."""

    class Failing(sampling.Sampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("no decision")

        def get_description(self) -> str:
            return "Failing"

    tracer = TracerProvider(Failing(), shutdown_on_exit=False).get_tracer("scope")
    assert tracer.start_span("name").is_recording()
