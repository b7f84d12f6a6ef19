"""How long a server asks us to wait: the header ``Retry-After`` (RFC 9110, 10.2.3)."""

from __future__ import annotations

import time
from datetime import timezone
from typing import TYPE_CHECKING

from vaquero import _runtime
from vaquero.pipeline.transport.retry import MAX_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_CHARS = 64


def parse_retry_after(value: str | None, clock: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait, from 0 to an hour; None where the header says nothing that can be read.

    Args:
        value: The header's value, a number of seconds or a date; None where there is none.
        clock: Unix seconds, for a date.
    """
    if value is None:
        return None
    text = value.strip()[:_MAX_CHARS]
    try:
        seconds = float(text)
    except ValueError:
        at_s = _date_s(text)
        if at_s is None:
            return None
        seconds = at_s - clock()
    if seconds != seconds:  # NaN
        return None
    return min(max(seconds, 0.0), MAX_WAIT_S)


def _date_s(text: str) -> float | None:
    """Unix seconds of a date in any of the three forms of HTTP; None where the text is none."""
    # Here and not above: few servers send a date, and the parsers of e-mail are a large import. A
    # fork waits for it, as the child could never finish it.
    with _runtime.loading:
        from email.utils import parsedate_to_datetime
    try:
        at = parsedate_to_datetime(text)
        # A form without a time zone is in GMT, as all dates of HTTP are.
        return (at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc)).timestamp()
    except Exception:
        return None  # Besides ValueError it raises whatever odd text leads it to.
