"""Samplers: shares and rates are right, decisions are the same everywhere, thresholds are said."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace.span import TraceState

from vaquero.errors import SettingsError
from vaquero.tracing.sampling import samplers, thresholds


def _kept(sampler: Sampler, trace_id: int, name: str = "n", **attributes: object) -> bool:
    named = {key.replace("_", "."): value for key, value in attributes.items()}
    result = sampler.should_sample(None, trace_id, name, attributes=named)
    return result.decision is not Decision.DROP


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_share_is_right_over_many_traces(share: float) -> None:
    """Of 100 000 traces the share is kept, within what chance allows."""
    numbers = random.Random(7)
    sampler = samplers.ByShare(share)

    kept = sum(_kept(sampler, numbers.getrandbits(128)) for _ in range(100_000))

    sigma = (100_000 * share * (1 - share)) ** 0.5
    assert abs(kept - 100_000 * share) < max(4 * sigma, 1)


@given(trace_id=st.integers(1, 2**128 - 1), low=st.floats(0, 1), high=st.floats(0, 1))
def test_decisions_are_consistent(trace_id: int, low: float, high: float) -> None:
    """A trace that a small share keeps is kept by every larger one, in every process."""
    low, high = min(low, high), max(low, high)

    if _kept(samplers.ByShare(low), trace_id):
        assert _kept(samplers.ByShare(high), trace_id)


@given(share=st.floats(0.0001, 1))
def test_the_threshold_says_how_many_a_kept_trace_stands_for(share: float) -> None:
    """A backend that reads ot=th: gets the share back."""
    sampler = samplers.ByShare(share)
    result = sampler.should_sample(None, 2**128 - 1, "n")
    text = result.trace_state.get("ot").removeprefix("th:")

    bound = int(text.ljust(14, "0"), 16)
    assert (2**56 - bound) / 2**56 == pytest.approx(share, rel=1e-9)


def test_other_entries_of_the_trace_state_stay() -> None:
    """A vendor's entry and a given randomness survive, and the randomness decides."""
    state = TraceState([("vendor", "x"), ("ot", "rv:ffffffffffffff;th:8")])

    changed = thresholds.with_threshold(state, thresholds.threshold(0.25))

    assert changed.get("vendor") == "x"
    assert changed.get("ot") == "rv:ffffffffffffff;th:c"
    assert thresholds.keeps(thresholds.threshold(0.0001), 0, changed)


@pytest.mark.parametrize(("arrivals", "limit"), [(1000, 100), (1000, 7), (50, 100), (20_000, 50)])
def test_a_rate_is_right_over_many_traces(arrivals: int, limit: int) -> None:
    """Over 100 000 traces as many a second are kept as asked for, within 2 %."""
    numbers, now = random.Random(3), [0.0]
    sampler = samplers.RateLimited(limit, clock=lambda: now[0])
    total = 100_000
    kept = 0
    for _ in range(total):
        now[0] += numbers.expovariate(arrivals)
        kept += _kept(sampler, numbers.getrandbits(128))

    expected = min(arrivals, limit) * now[0]
    assert kept == pytest.approx(expected, rel=0.02, abs=3 * limit**0.5)


def test_a_rate_follows_the_load() -> None:
    """When the load grows tenfold the kept traces do not; when it falls all are kept soon."""
    numbers, now = random.Random(5), [0.0]
    sampler = samplers.RateLimited(50, clock=lambda: now[0])

    def kept_in(seconds: float, arrivals: int) -> int:
        kept, end = 0, now[0] + seconds
        while now[0] < end:
            now[0] += 1 / arrivals
            kept += _kept(sampler, numbers.getrandbits(128))
        return kept

    kept_in(5, 500)
    assert kept_in(10, 5000) == pytest.approx(500, rel=0.2)
    kept_in(5, 20)
    assert kept_in(10, 20) == pytest.approx(200, rel=0.02)


def test_the_first_rule_that_fits_holds() -> None:
    """Route, name and attribute are looked at in order; what fits nothing is kept."""
    sampler = samplers.rules("route:/pay*=1; name:cleanup*=0; http.request.method:OPTIONS=0; *=1")

    assert _kept(sampler, 1 << 50, "GET /pay/now", http_route="/pay/now")
    assert not _kept(sampler, 2**128 - 1, "cleanup-old")
    assert not _kept(sampler, 2**128 - 1, "OPTIONS /", **{"http.request.method": "OPTIONS"})
    assert _kept(sampler, 1, "anything")


@pytest.mark.parametrize("route", samplers.HEALTH_CHECKS)
def test_health_checks_are_left_out_unless_asked_for(route: str) -> None:
    """Probes are no traffic; a rule can say otherwise."""
    assert not _kept(samplers.rules(""), 2**128 - 1, f"GET {route}", url_path=route + "?deep=1")
    assert _kept(samplers.rules(f"route:{route}=1"), 1, f"GET {route}", url_path=route)


@pytest.mark.parametrize("text", ["route:/a", "=1", "a=2", "a=-1", "a=x", "a=x/s", "a=0/s"])
def test_a_bad_rule_is_named(text: str) -> None:
    """The error says what was read and what is valid."""
    with pytest.raises(SettingsError, match=r"OTEL_TRACES_SAMPLER_ARG=.*valid: "):
        samplers.rules(text)


@pytest.mark.parametrize("text", ["", "-1", "0", "fast", "nan", "inf"])
def test_a_bad_rate_is_named(text: str) -> None:
    """The error says what was read and what is valid."""
    with pytest.raises(SettingsError, match="valid: traces a second"):
        samplers.ratelimited(text)
