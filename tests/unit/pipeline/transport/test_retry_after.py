"""The header Retry-After: seconds, the three forms of a date, and whatever a stranger writes."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaquero.pipeline.transport.retry import MAX_WAIT_S
from vaquero.pipeline.transport.retry_after import parse_retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        ("999999", MAX_WAIT_S),
        ("inf", MAX_WAIT_S),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_a_number_of_seconds(value: str | None, seconds: float | None) -> None:
    """Numbers are taken, capped at an hour; nonsense is nothing."""
    assert parse_retry_after(value) == seconds


def at(now_s: float) -> Callable[[], float]:
    """A clock that stands."""
    return lambda: now_s


@given(st.integers(0, 4_000_000_000))
def test_dates_in_all_three_forms(date_s: int) -> None:
    """Every second has the time that its text says; the year of two digits is of our age."""
    text = formatdate(date_s, usegmt=True)
    name, day, month, year, time, _ = text.replace(",", "").split()
    clock = at(date_s - 120)

    assert parse_retry_after(text, clock) == 120
    assert parse_retry_after(f"{name} {month} {int(day):2} {time} {year}", clock) == 120
    if 1970 <= int(year) <= 2068:
        short = f"{name}day, {day}-{month}-{year[2:]} {time} GMT"
        assert parse_retry_after(short, clock) == 120


@given(st.integers(0, 4_000_000_000), st.integers(-7200, 7200))
def test_a_date_counts_from_now(now_s: int, ahead_s: int) -> None:
    """One in the past means at once; none makes us wait longer than an hour."""
    text = formatdate(now_s + ahead_s, usegmt=True)
    if now_s + ahead_s >= 0:
        assert parse_retry_after(text, at(now_s)) == min(max(ahead_s, 0), MAX_WAIT_S)


@pytest.mark.parametrize("zone", ["GMT", "UTC", "-0000", "+0000", ""])
def test_a_date_without_a_zone_is_in_gmt(zone: str) -> None:
    """All ways to write no offset are the same instant, on a machine in any time zone."""
    assert parse_retry_after(f"Sun, 06 Nov 1994 08:49:37 {zone}", at(784_111_700.0)) == 77.0


@pytest.mark.parametrize(
    "text", ["Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov",
             "Sun, 06 Nov 1994 25:49:37 GMT", "Thu, 31 Feb 2030 00:00:00 GMT", "0 0 0 0 0", ",",
             "Sun, 06 Nov 0000 08:49:37 GMT", "Sun, 06 Nov 99999999 08:49:37 GMT",
             "Sun, 06 Nov 1994 08:49:37 +99999999", "Fri, 31 Dec 9999 23:59:59 -9959"],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    """A date that no calendar has says nothing, and raises nothing."""
    assert parse_retry_after(text, at(0.0)) in (None, MAX_WAIT_S)


_WORDS = st.sampled_from(
    ["Sun,", "Sun", "Nov", "06", "6", "-", "1994", "94", "99999", "08:49:37", "24:00", ":", "GMT",
     "+0100", "-9999", "EST", "06-Nov-94", "", ",", "(", ")", "\x00", "nan", "1e999"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(_WORDS, max_size=8).map(" ".join)))
def test_whatever_a_stranger_writes_is_a_wait_or_nothing(text: str) -> None:
    """Nothing raises; what comes is None or within its bounds."""
    seconds = parse_retry_after(text)
    assert seconds is None or (math.isfinite(seconds) and 0 <= seconds <= MAX_WAIT_S)


def test_only_a_date_loads_the_parsers_of_email() -> None:
    """A number of seconds, which nearly all servers send, loads no further module."""
    program = """
import sys
from vaquero.pipeline.transport.retry_after import parse_retry_after
loaded = set(sys.modules)  # Upstream's oldest SDK loads those parsers itself.
assert parse_retry_after("7") == 7.0
assert set(sys.modules) == loaded
assert parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT") == 0.0
assert "email.utils" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)
