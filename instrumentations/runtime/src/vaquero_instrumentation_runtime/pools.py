"""Thread pools: how much waits in their queues, and for how long."""

from __future__ import annotations

import concurrent.futures.thread as futures
import functools
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

KEPT_WAITS: Final = 512


class PoolReading(NamedTuple):
    """Threads of all pools of the process, and work that waits for one."""

    threads: int
    queued: int


class PoolWatch:
    """Watches every ``concurrent.futures.ThreadPoolExecutor`` of the process.

    The queues are found where the standard library keeps them for its own end; the time
    between ``submit`` and the start is taken by a wrapper around ``submit``.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waits: deque[float] = deque(maxlen=KEPT_WAITS)
        self._original: Any = None
        self._wrapper: Any = None
        self._active = False

    def start(self) -> None:
        """Wrap ``submit``."""
        self._active = True
        if self._wrapper is None:
            self._original = futures.ThreadPoolExecutor.submit
            self._wrapper = self._wrapped(self._original)
        if futures.ThreadPoolExecutor.submit is self._original:
            futures.ThreadPoolExecutor.submit = self._wrapper

    def stop(self) -> None:
        """Take the wrapper back; where another has been set over it, it stays and only calls."""
        self._active = False
        if futures.ThreadPoolExecutor.submit is self._wrapper:
            futures.ThreadPoolExecutor.submit = self._original

    def forget_parent(self) -> None:
        """In a forked child: what waited there waits there."""
        self._waits.clear()

    def read(self) -> PoolReading | None:
        """Count threads and work; None while there is no pool."""
        threads: Any = getattr(futures, "_threads_queues", None)
        if not threads:
            return None
        living = [queue for thread, queue in list(threads.items()) if thread.is_alive()]
        if not living:
            return None
        queues = {id(queue): queue for queue in living}
        return PoolReading(len(living), sum(queue.qsize() for queue in queues.values()))

    def drain(self, record: Callable[[float], None]) -> None:
        """Hand on the waits since the last time, the newest ``KEPT_WAITS``."""
        for _ in range(len(self._waits)):
            record(self._waits.popleft())

    def _wrapped(self, submit: Any) -> Any:
        clock, append = self._clock, self._waits.append

        @functools.wraps(submit)
        def timed_submit(pool: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            if not self._active:
                return submit(pool, fn, *args, **kwargs)
            began = clock()

            def timed(*a: Any, **k: Any) -> Any:
                append(clock() - began)
                return fn(*a, **k)

            return submit(pool, timed, *args, **kwargs)

        return timed_submit
