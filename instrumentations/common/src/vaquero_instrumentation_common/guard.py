"""The guard of readings: one that fails pauses for a while and is logged once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PAUSE_S: Final = 60.0


class UnsupportedReadingError(Exception):
    """Not available on this machine (another platform, no such file): no fault, not logged."""


class ReadingGuard:
    """Runs readings so that none of them harms its neighbours.

    A name that failed is off for ``pause_s`` and then tried again. The first failure of a name
    is logged as a warning; when several names fail for one reason (psutil refuses everything,
    for example), the others are logged at debug level, so that a log is not filled.

    Attributes:
        paused: Until when each name that failed is off; empty while nothing is.

    Args:
        log: Where failures are logged.
        clock: Seconds, monotonic.
        pause_s: How long a failed name stays off.
    """

    def __init__(
        self,
        log: logging.Logger,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._log = log
        self._clock = clock
        self._pause_s = pause_s
        self.paused: dict[str, float] = {}
        self._logged: set[str] = set()
        self._reasons: set[str] = set()

    def call(self, name: str, read: Callable[[], T]) -> T | None:
        """Return what ``read`` returns, or None while ``name`` is off or when it fails now."""
        if self.paused:
            until = self.paused.get(name)
            if until is not None:
                if self._clock() < until:
                    return None
                del self.paused[name]
        try:
            return read()
        except UnsupportedReadingError as reason:
            self.paused[name] = self._clock() + self._pause_s
            if name not in self._logged:
                self._logged.add(name)
                self._log.debug("%s is not available here: %s", name, reason)
        except Exception as problem:
            self.failed(name, problem)
        return None

    def failed(self, name: str, problem: Exception) -> None:
        """Pause ``name``, and log it the first time."""
        self.paused[name] = self._clock() + self._pause_s
        if name in self._logged:
            return
        self._logged.add(name)
        reason = type(problem).__name__
        level = logging.DEBUG if reason in self._reasons else logging.WARNING
        self._reasons.add(reason)
        self._log.log(
            level,
            "%s cannot be read (%s: %s); its metrics pause for %g s and are then tried again, "
            "everything else goes on.",
            name,
            reason,
            problem,
            self._pause_s,
        )

    def off(self, name: str) -> bool:
        """Whether ``name`` is paused at the moment."""
        return name in self.paused and self.paused[name] > self._clock()
