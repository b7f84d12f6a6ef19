"""How long an event loop has been busy: two ways to know.

A loop of asyncio waits in its selector; a wrapper around that one call knows to the microsecond
since when the loop has been running callbacks, and costs an idle loop nothing. A loop that has
no selector (uvloop) is looked at from outside: when its thread is seen outside the frame that
runs the loop, a callback is sent to it, and the time until that runs is the lag.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import asyncio

Lags = deque[tuple[float, float]]
NOTED_S: Final = 0.001
_WAITING: Final = frozenset({"select", "_poll"})


class Watch(Protocol):
    """The state of one loop.

    Attributes:
        thread_id: The thread in which it runs.
        count: Number of the current busy stretch.
        last_s: How long the stretch before lasted.
        busy_s: All busy time together, None where it is not known.
    """

    thread_id: int
    count: int
    last_s: float
    busy_s: float | None

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop, while it lives."""
        ...

    def busy_since(self) -> float | None:
        """Since when the loop has not looked for new events; None when it waits for them."""
        ...

    def stop(self) -> None:
        """Leave the loop alone; in its thread."""
        ...


class SelectorWatch:
    """Watches a loop through its selector.

    Args:
        loop: The loop, running in the calling thread.
        lags: Where (when, how long) of each stretch worth noting is left.
        clock: Monotonic seconds.

    Raises:
        AttributeError: The loop has no selector, or one that cannot be wrapped.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, lags: Lags, clock: Callable[[], float]
    ) -> None:
        self._loop = weakref.ref(loop)
        self._lags = lags
        self._clock = clock
        self.thread_id = threading.get_ident()
        self.count = 0
        self.last_s = 0.0
        self.busy_s: float | None = 0.0
        self._inside = False
        self._left = clock()
        self._selector: Any = getattr(loop, "_selector")  # noqa: B009  (asyncio's own)
        self._original: Any = self._selector.select
        self._wrapper = self._wrapped(self._original)
        self._selector.select = self._wrapper

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop, while it lives."""
        return self._loop()

    def busy_since(self) -> float | None:
        """Since when callbacks have been running."""
        return None if self._inside else self._left

    def stop(self) -> None:
        """Take the wrapper back."""
        self._end_stretch()
        if self._selector.__dict__.get("select") is self._wrapper:
            del self._selector.select
        self._inside = True

    def _end_stretch(self) -> None:
        now = self._clock()
        took = now - self._left
        self.last_s = took
        self.busy_s = (self.busy_s or 0.0) + took
        self.count += 1
        if took > NOTED_S:
            self._lags.append((now, took))

    def _wrapped(self, original: Any) -> Any:
        clock, end_stretch = self._clock, self._end_stretch

        def select(timeout: Any = None) -> Any:
            end_stretch()
            self._inside = True
            try:
                return original(timeout)
            finally:
                self._left = clock()
                self._inside = False

        return select


class ProbeWatch:
    """Watches a loop from outside.

    Args:
        loop: The loop, running in the calling thread.
        base: The frame that runs the loop: while nothing is above it, the loop waits.
        lags: Where (when, how long) each answer took is left.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        base: FrameType | None,
        lags: Lags,
        clock: Callable[[], float],
    ) -> None:
        self._loop = weakref.ref(loop)
        self._base = base
        self._lags = lags
        self._clock = clock
        self.thread_id = threading.get_ident()
        self.count = 0
        self.last_s = 0.0
        self.busy_s: float | None = None
        self._asked: float | None = None
        self._stopped = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop, while it lives."""
        return self._loop()

    def busy_since(self) -> float | None:
        """Since when an answer has been due; asks for one when the thread is seen at work."""
        if self._asked is not None:
            return self._asked
        loop = self._loop()
        if self._stopped or loop is None or self._waits():
            return None
        self._asked = asked = self._clock()
        with contextlib.suppress(RuntimeError):  # It closed meanwhile.
            loop.call_soon_threadsafe(self._answered)
            return asked
        self._asked = None
        return None

    def _waits(self) -> bool:
        frame = sys._current_frames().get(self.thread_id)
        if frame is None or frame is self._base:
            return True
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        # Python sees a loop in C as the frame that called it.
        return (name in _WAITING and "selectors" in file) or (
            name == "run_forever" and "vaquero_instrumentation_runtime" in file
        )

    def _answered(self) -> None:
        asked, self._asked = self._asked, None
        if asked is None:
            return
        now = self._clock()
        self.last_s = now - asked
        self.count += 1
        self._lags.append((now, self.last_s))

    def stop(self) -> None:
        """Ask no more."""
        self._stopped = True
        self._answered()
        self._base = None


def watch_of(
    loop: asyncio.AbstractEventLoop, lags: Lags, clock: Callable[[], float]
) -> SelectorWatch | ProbeWatch:
    """Return the better way to watch a loop that runs in the calling thread."""
    from asyncio import BaseEventLoop  # Imported already: there is a loop.

    if isinstance(loop, BaseEventLoop):
        with contextlib.suppress(AttributeError, TypeError):
            return SelectorWatch(loop, lags, clock)
    return ProbeWatch(loop, _caller(), lags, clock)


def _caller() -> FrameType | None:
    """Find the innermost frame that is neither this package's nor asyncio's hook."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and "vaquero_instrumentation_runtime" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame
