"""Durations are right whatever the wall clock does."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context

from vaquero.tracing import TracerProvider, clock

HOUR_NS = 3_600_000_000_000


class Wall:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.ahead = 0
        self._read = clock.time_ns

    def __call__(self) -> int:
        return self._read() + self.ahead


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """The wall clock of the spans."""
    made = Wall()
    monkeypatch.setattr(clock, "time_ns", made)
    return made


@pytest.mark.parametrize("jump", [-HOUR_NS, 2 * HOUR_NS])
def test_duration_survives_a_jump(wall: Wall, jump: int) -> None:
    """A span that runs over a jump of the wall clock lasts as long as it took."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    before = clock.perf_counter_ns()
    span: Any = tracer.start_span("name", Context())
    wall.ahead = jump
    span.end()
    assert 0 <= span.end_time - span.start_time <= clock.perf_counter_ns() - before


@pytest.mark.parametrize("jump", [-HOUR_NS, 2 * HOUR_NS])
def test_child_takes_the_new_wall_clock(wall: Wall, jump: int) -> None:
    """A child that starts after a jump of hours has the time of the wall clock as it is now."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    parent: Any = tracer.start_span("parent", Context())
    wall.ahead = jump
    child: Any = tracer.start_span("child", trace.set_span_in_context(parent, Context()))
    assert abs(child.start_time - wall()) < 60_000_000_000
    child.end()
    assert child.end_time >= child.start_time


def test_small_drift_keeps_the_anchor(wall: Wall) -> None:
    """Within a second the child stays on its parent's clock, so that they fit together."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    parent: Any = tracer.start_span("parent", Context())
    wall.ahead = -clock.TOLERANCE_NS // 2
    child: Any = tracer.start_span("child", trace.set_span_in_context(parent, Context()))
    assert child._anchor == parent._anchor
    assert child.start_time >= parent.start_time


def test_explicit_times_are_kept() -> None:
    """Times that the application gives are those of the span."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("scope")
    span: Any = tracer.start_span("name", Context(), start_time=11)
    span.add_event("event", timestamp=12)
    span.end(end_time=0)
    assert (span.start_time, span.events[0].timestamp, span.end_time) == (11, 12, 0)
    assert not span.is_recording()
