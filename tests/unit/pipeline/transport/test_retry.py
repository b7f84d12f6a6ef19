"""Retrying exactly as OTLP has it: which answers, how long, and one probe per backoff."""

from __future__ import annotations

import pytest

from vaquero.pipeline.transport.retry import (
    Breaker,
    Verdict,
    judge_status,
)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.RETRY) for status in (429, 502, 503, 504)),
        *((status, Verdict.DROP) for status in (400, 402, 405, 408, 422, 500, 501, 505)),
        *((status, Verdict.REFUSED) for status in (301, 302, 307, 401, 403, 404)),
        (413, Verdict.SPLIT),
    ],
)
def test_statuses_are_judged_by_the_specification(status: int, verdict: Verdict) -> None:
    """Only four statuses are retried; a redirect is a failure; 413 is split."""
    assert judge_status(status, "", None).verdict is verdict
    assert judge_status(status, "", None).reason == f"http_{status}"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock) -> Breaker:
    """The longest waits that the jitter allows."""
    return Breaker(clock, lambda _, high: high)


def test_backoff_grows_to_a_minute() -> None:
    """Half a second doubled with each failure, never more than sixty."""
    clock = Clock()
    one = breaker(clock)
    waits: list[float] = []
    for _ in range(10):
        waits.append(one.fail(None))
        clock.now += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]


def test_jitter_stays_within_its_bounds() -> None:
    """Half a second at least, the exponential bound at most."""
    for failures in range(1, 12):
        one = Breaker()
        one.failures = failures - 1
        wait_s = one.fail(None)
        assert 0.5 <= wait_s <= min(60.0, 0.5 * 2**failures)


def test_one_probe_per_backoff() -> None:
    """Closed until the time has come; open again after a success."""
    clock = Clock()
    one = breaker(clock)
    assert one.wait_s() == 0.0
    one.fail(None)
    assert one.is_open
    assert one.wait_s() == 1.0
    clock.now += 1.0
    assert one.wait_s() == 0.0
    one.succeed()
    assert not one.is_open


def test_a_flush_may_probe_early_but_not_against_the_servers_word() -> None:
    """A backoff of our own is a second at most for who waits; a Retry-After is as it is."""
    clock = Clock()
    one = breaker(clock)
    clock.now += one.fail(None)
    clock.now += one.fail(None)
    one.fail(None)
    assert (one.wait_s(), one.wait_s(hurry=True)) == (4.0, 1.0)
    clock.now += 1.0
    assert (one.wait_s(), one.wait_s(hurry=True)) == (3.0, 0.0)
    one.fail(30.0)
    assert one.wait_s(hurry=True) == 30.0


def test_early_probes_do_not_lengthen_the_backoff() -> None:
    """Failures of probes before their time say nothing new about the outage."""
    clock = Clock()
    one = breaker(clock)
    one.fail(None)
    for _ in range(20):
        assert one.fail(None) <= 1.0
    assert one.failures == 1
