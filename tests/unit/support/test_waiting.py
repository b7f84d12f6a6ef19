"""Waiting for a condition."""

from __future__ import annotations

import pytest

from tests.support.waiting import wait_until


def test_the_value_is_returned() -> None:
    """It is asked until it holds, and what it says then is the result."""
    answers = iter(["", 0, None, "here"])

    assert wait_until(lambda: next(answers), "an answer") == "here"


def test_what_does_not_come_is_named() -> None:
    """The failure says what was waited for, and how long."""
    with pytest.raises(AssertionError, match=r"the bus: not within 0\.02 s"):
        wait_until(lambda: False, "the bus", 0.02)


def test_a_last_look_after_the_time_is_over() -> None:
    """Where the machine had no time for the waiting one, what holds by then counts."""
    answers = iter([False, True])

    assert wait_until(lambda: next(answers), "late", -1)
