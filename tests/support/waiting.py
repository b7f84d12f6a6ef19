"""Waiting for something that happens in another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Far more than anything here takes: a machine under load is no failure.
PATIENCE_S = 60.0


def wait_until(
    condition: Callable[[], T], what: str | Callable[[], str], timeout_s: float = PATIENCE_S
) -> T:
    """Wait until a condition holds, and return its value.

    Args:
        condition: Asked again and again, at least twice.
        what: What is waited for, for the message of a failure; called where it is a function.
        timeout_s: How long at most.

    Raises:
        AssertionError: it did not hold in time.
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            # Whoever waits may have been kept from running for longer than the rest of the time.
            value = condition()
            named = what if isinstance(what, str) else what()
            assert value, f"{named}: not within {timeout_s:g} s"
            return value
        time.sleep(0.01)
    return value
