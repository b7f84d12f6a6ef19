"""When to try again: the answers of OTLP, and the breaker that one outage opens for all signals."""

from __future__ import annotations

import random
import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: No server makes us wait longer than this.
MAX_WAIT_S = 3600.0
MIN_BACKOFF_S = 0.5
MAX_BACKOFF_S = 60.0
#: However often somebody flushes, a backend that is away is asked no more than once a second.
MIN_PROBE_INTERVAL_S = 1.0

#: OTLP/HTTP: only these are worth a repeat.
RETRYABLE_STATUS = frozenset({429, 502, 503, 504})
#: Mended by a setting, so the data is kept for ``vaquero spool resend``.
REFUSED_STATUS = frozenset({401, 403, 404})


class Verdict(Enum):
    """What an answer means for the request."""

    OK = "ok"
    RETRY = "retry"
    SPLIT = "split"
    REFUSED = "refused"
    DROP = "drop"


class SendResult(NamedTuple):
    """The outcome of one attempt.

    Attributes:
        verdict: What to do with the request.
        reason: Why, as one low-cardinality word for the counts (``http_503``, ``refused``).
        detail: The same for a reader; holds no credential, at most 300 characters.
        retry_after_s: How long the server asks us to wait; None where it does not say.
        rejected: Items that a partial success refused.
    """

    verdict: Verdict
    reason: str = "ok"
    detail: str = ""
    retry_after_s: float | None = None
    rejected: int = 0


def judge_status(status: int, detail: str, retry_after_s: float | None) -> SendResult:
    """What an HTTP status other than 2xx means, by the OTLP specification."""
    reason = f"http_{status}"
    if status in RETRYABLE_STATUS:
        return SendResult(Verdict.RETRY, reason, detail, retry_after_s)
    if status == 413:
        return SendResult(Verdict.SPLIT, reason, detail)
    if status in REFUSED_STATUS or 300 <= status < 400:
        return SendResult(Verdict.REFUSED, reason, detail)
    return SendResult(Verdict.DROP, reason, detail)


class Breaker:
    """Closed while the backend answers; after a failure open until a time, then one probe.

    One breaker serves all signals that go to the same host, so that an outage costs one request
    per backoff. Only the sender's thread calls it.

    Args:
        clock: Monotonic seconds.
        pick: Uniform random number between two bounds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        pick: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._clock = clock
        self._pick = pick
        self.failures = 0
        self._until = 0.0
        self._failed_s = 0.0
        self._ordered = False

    @property
    def is_open(self) -> bool:
        """Whether the last attempt failed (also when it is time for a probe)."""
        return self.failures > 0

    def wait_s(self, *, hurry: bool = False) -> float:
        """Seconds until the next attempt is allowed; 0.0 for now.

        Args:
            hurry: Somebody waits (a flush, the exit): shorten a backoff of our own making to a
                second, but not a wait that the server asked for.
        """
        until = self._until
        if hurry and not self._ordered:
            until = min(until, self._failed_s + MIN_PROBE_INTERVAL_S)
        return max(0.0, until - self._clock())

    def succeed(self) -> None:
        """The backend answered: closed again."""
        self.failures = 0
        self._until = 0.0
        self._ordered = False

    def fail(self, retry_after_s: float | None) -> float:
        """The backend is away. Gives the seconds until the next probe.

        Without a word of the server: full jitter between half a second and an exponential bound
        of at most a minute.
        """
        self._failed_s = self._clock()
        hurried = self.failures > 0 and self._clock() < self._until
        if hurried and retry_after_s is None:
            # A flush probed ahead of time: that says nothing new about how long the outage is.
            return self._until - self._clock()
        self.failures += 1
        self._ordered = retry_after_s is not None
        if retry_after_s is None:
            bound = min(MAX_BACKOFF_S, MIN_BACKOFF_S * 2.0 ** min(self.failures, 16))
            wait_s = self._pick(MIN_BACKOFF_S, bound)
        else:
            wait_s = min(retry_after_s, MAX_WAIT_S)
        self._until = self._clock() + wait_s
        return wait_s
