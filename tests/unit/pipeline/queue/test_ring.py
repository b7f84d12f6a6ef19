"""The ring: one append, woken when it should be, and bounded by count and by bytes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from vaquero.pipeline.queue.ring import Ring, own_size, sdk_weight


class Calls:
    """A ring whose calls are counted."""

    def __init__(self, max_spans: int = 400, max_bytes: int = 16 * 1024 * 1024) -> None:
        self.woken = 0
        self.overflowed = 0
        self.ring = Ring(max_spans, max_bytes, call=self.wake, overflow=self.overflow)

    def wake(self) -> None:
        self.woken += 1

    def overflow(self) -> None:
        self.overflowed += 1
        self.ring.take(8)

    def put(self, count: int, weight: int = 0) -> None:
        for _ in range(count):
            self.ring.put(SimpleNamespace(weight=weight))


def test_the_first_span_wakes_and_the_next_do_not() -> None:
    """While the writer sleeps one span wakes it; until a quarter nothing more happens."""
    calls = Calls()
    calls.put(1)
    assert calls.woken == 1
    calls.put(90)
    assert calls.woken == 1


def test_a_quarter_wakes_once_and_the_bound_overflows() -> None:
    """At a quarter of the bound the writer is called again; at the bound callers help."""
    calls = Calls(400)
    calls.ring.rearm()
    calls.put(99)
    assert calls.woken == 0
    calls.put(250)
    assert calls.woken == 1
    calls.put(200)
    assert calls.overflowed > 0
    assert len(calls.ring) <= 400


def test_a_sleeping_writer_misses_nothing() -> None:
    """Asking to sleep fails where a span came in meanwhile, else the next span wakes."""
    calls = Calls()
    calls.ring.rearm()
    calls.put(1)
    assert not calls.ring.sleep()
    calls.ring.take(1)
    assert calls.ring.sleep()
    calls.put(1)
    assert calls.woken == 1


def test_large_values_bound_the_ring_by_bytes() -> None:
    """Spans of 1 MB: no more than the bound of bytes is held, whatever the bound of spans."""
    calls = Calls(32768, 16 * 1024 * 1024)
    calls.ring.rearm()
    calls.put(100, weight=1024 * 1024)
    assert len(calls.ring) <= 17
    while calls.ring.take(100):
        pass
    assert calls.ring.extra_bytes == 0


def test_the_bound_follows_the_size_of_the_spans() -> None:
    """Many attributes, fewer spans: the estimate of what is held stays below the bound of bytes."""
    bound = 4 * 1024 * 1024
    for count in (0, 5, 20, 60):
        calls = Calls(32768, bound)
        calls.ring.rearm()
        span = SimpleNamespace(
            weight=0,
            extra=None,
            attrs={f"key.{n}": f"value {n} of some length" for n in range(count)},
        )
        for _ in range(20_000):
            calls.ring.put(span)
        assert len(calls.ring) * own_size(span) <= bound * 1.1
        assert len(calls.ring) > 64


def test_sdk_spans_weigh_more() -> None:
    """Spans of the SDK are held to a sixth of the number, as they take six times the memory."""
    calls = Calls(32768)
    calls.ring.rearm()
    span: Any = TracerProvider().get_tracer("x").start_span("x")
    for _ in range(8000):
        calls.ring.put(span)
    assert len(calls.ring) <= 16 * 1024 * 1024 // 3072
    assert calls.overflowed > 0


def test_the_weight_of_an_sdk_span_counts_its_large_texts() -> None:
    """Attributes and events over 256 bytes count, small ones do not."""
    tracer = TracerProvider().get_tracer("x")
    small: Any = tracer.start_span("x", attributes={"a": "x" * 256, "b": 1})
    assert sdk_weight(small) == 0
    large: Any = tracer.start_span("x", attributes={"a": "x" * 1000, "b": b"y" * 500})
    large.add_event("e", {"stack": "z" * 4000})
    assert 5500 <= sdk_weight(large) <= 6000


def test_a_fork_empties_the_ring() -> None:
    """After a reset nothing of the parent's is left."""
    calls = Calls()
    calls.put(50, weight=1000)
    calls.ring.reset()
    assert len(calls.ring) == 0
    assert calls.ring.take(10) == []
    assert calls.ring.extra_bytes == 0


@pytest.mark.parametrize("number", [1, 3, 200])
def test_every_late_span_is_heard_of_whatever_the_writer_does(number: int) -> None:
    """While the process ends each span calls, also where the writer wakes or sleeps meanwhile."""
    calls = Calls()
    late = 0

    def count() -> None:
        nonlocal late
        late += 1
        calls.ring.take(400)
        calls.ring.rearm()

    calls.ring.rearm()
    calls.ring.on_late(count)
    calls.ring.rearm()
    calls.put(number)
    calls.ring.sleep()
    calls.put(number)
    assert late == 2 * number
    assert len(calls.ring) == 0


def test_the_end_is_not_missed_by_a_writer_that_was_about_to_wake() -> None:
    """`on_late` between the two steps of waking leaves no mark that late spans do not reach."""
    calls = Calls()
    late: list[int] = []
    ring = calls.ring

    class Meanwhile(int):
        """A limit that is divided while the process begins to end."""

        def __floordiv__(self, other: int) -> int:
            ring.on_late(lambda: late.append(1))
            return int(self) // other

    ring._limit = Meanwhile(ring._limit)
    ring.rearm()
    calls.put(2)
    assert late == [1, 1]
