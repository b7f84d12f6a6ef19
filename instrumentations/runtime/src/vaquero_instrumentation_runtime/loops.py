"""Event loops: how long they are held, and by what.

A watchdog thread wakes a few times per second. Where a loop has not looked for new events for
longer than allowed, it looks, once, at the stack of that loop's thread: what runs then is what
holds the loop.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from vaquero_instrumentation_runtime.stacks import Culprit, Site, culprit
from vaquero_instrumentation_runtime.watches import Lags, ProbeWatch, Watch, watch_of

if TYPE_CHECKING:
    import asyncio

MAX_SITES: Final = 100
OTHER: Final = Site("other", "", 0)
_STILL_BLOCKED_S: Final = 5.0
_SELECTOR_LOOK: Final = 1.5
_PROBE_PATIENCE: Final = 0.8
_LEAST_PAUSE_S: Final = 0.005
_KEPT_LAGS: Final = 4096
_MANY_TASKS: Final = 500
_LOG_PAUSE_S: Final = 60.0
_LOG_BURST: Final = 5


class LoopReading(NamedTuple):
    """Longest stretch in seconds within the window, busy seconds since start, living tasks.

    ``ran`` is False where no loop ran within the window: then there is nothing to report.
    """

    ran: bool
    lag_s: float
    busy_s: float | None
    tasks: int


class _Case:
    """One time of being blocked, from when it was seen until it ended."""

    __slots__ = ("count", "culprit", "logged", "since", "watch")

    def __init__(self, watch: Watch, since: float, seen: Culprit | None) -> None:
        self.watch = watch
        self.count = watch.count
        self.since = since
        self.culprit = seen
        self.logged = False


class LoopWatcher:
    """Watches all running loops of the process.

    Args:
        blocked_after_s: Time from which a held loop counts as blocked; 0 looks for none.
        window_s: Span over which the longest stretch is reported.
        log: Where a blocked loop is logged.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        blocked_after_s: float,
        window_s: float,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blocked_after_s = blocked_after_s
        self._window_s = window_s
        self._log = log
        self._clock = clock
        self._lags: Lags = deque(maxlen=_KEPT_LAGS)
        self._watches: dict[int, Watch] = {}
        self._ended_busy_s: float | None = None
        self._cases: list[_Case] = []
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._logged: deque[float] = deque(maxlen=_LOG_BURST)
        self.blocked: dict[Site, int] = {}

    def running(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """A loop begins to run in this thread (None: the one of this thread has ended)."""
        if self._stopped:
            return
        thread = threading.get_ident()
        known = self._watches.get(thread)
        if known is not None:
            if loop is not None and known.loop is loop:
                return
            del self._watches[thread]
            known.stop()
            if known.busy_s is not None:
                self._ended_busy_s = (self._ended_busy_s or 0.0) + known.busy_s
        if loop is not None:
            self._watches[thread] = watch_of(loop, self._lags, self._clock)
            self._watch_over()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped = True
        for watch in list(self._watches.values()):
            loop = watch.loop
            if loop is None or loop.is_closed():
                continue
            try:
                loop.call_soon_threadsafe(watch.stop)
            except RuntimeError:
                pass  # It closed meanwhile.
        self._watches.clear()
        self._wake.set()

    def forget_parent(self) -> None:
        """In a forked child: no loop runs there yet, and the thread is gone."""
        self._watches.clear()
        self._cases.clear()
        self._lags.clear()
        self._ended_busy_s = None
        self.blocked.clear()
        self._wake = threading.Event()
        self._thread = None

    def read(self) -> LoopReading:
        """Read the state of all loops together."""
        watches = list(self._watches.values())
        if not watches and not self._lags:
            return LoopReading(False, 0.0, self._ended_busy_s or 0.0, 0)
        now = self._clock()
        since = now - self._window_s
        lags = [lag for at, lag in self._lags.copy() if at >= since]
        ran = bool(watches or lags)
        # A stretch that goes on counts already: a loop that hangs ends none.
        lags += [now - begun for watch in watches if (begun := watch.busy_since()) is not None]
        known = [watch.busy_s for watch in watches if watch.busy_s is not None]
        ended = self._ended_busy_s
        busy = None if watches and ended is None and not known else (ended or 0.0) + sum(known)
        tasks = count_tasks([loop for watch in watches if (loop := watch.loop) is not None])
        return LoopReading(ran, max(lags, default=0.0), busy, tasks)

    def _watch_over(self) -> None:
        if not self._blocked_after_s or _threads_are_greenlets():
            return
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._patrol, name="vaquero-eventloop-watchdog", daemon=True
            )
            self._thread.start()
        self._wake.set()

    def _patrol(self) -> None:
        while not self._stopped:
            watches = list(self._watches.values())
            if not watches and not self._cases:
                self._wake.wait()
                self._wake.clear()
                continue
            pause = self._blocked_after_s
            try:
                pause = self._round(watches)
            except Exception:
                self._log.debug("The watch over event loops stumbled.", exc_info=True)
            time.sleep(max(_LEAST_PAUSE_S, pause))

    def _round(self, watches: list[Watch]) -> float:
        """Look at every loop once.

        Returns:
            Seconds until the next look. The time between looks at an idle loop is the length of
            the shortest block that is always seen.
        """
        self._close_cases()
        pause = self._blocked_after_s * _SELECTOR_LOOK
        for watch in watches:
            allowed = self._blocked_after_s
            if isinstance(watch, ProbeWatch):
                # An outside look learns of a block one look late: it comes more often and
                # waits a little less for the answer.
                pause, allowed = min(pause, allowed), allowed * _PROBE_PATIENCE
            since = watch.busy_since()
            if since is None:
                continue
            left = since + allowed - self._clock()
            if left <= 0:
                self._open_case(watch, since)
                left = allowed
            pause = min(pause, left)
        return pause

    def _open_case(self, watch: Watch, since: float) -> None:
        if any(case.watch is watch for case in self._cases):
            return
        count = watch.count
        seen = culprit(watch.thread_id)
        if watch.count != count or watch.busy_since() != since:
            return  # It went on while we looked: what was seen may not be what held it.
        self._cases.append(_Case(watch, since, seen))
        self._count(seen)

    def _close_cases(self) -> None:
        still_open: list[_Case] = []
        for case in self._cases:
            over = case.watch.count != case.count
            took = case.watch.last_s if over else self._clock() - case.since
            if not case.logged and (over or took > _STILL_BLOCKED_S):
                case.logged = True
                self._log_blocked(case, took)
            if not over and case.watch in self._watches.values():
                still_open.append(case)
        self._cases = still_open

    def _count(self, seen: Culprit | None) -> None:
        site = OTHER if seen is None else seen.site
        if site not in self.blocked and len(self.blocked) >= MAX_SITES:
            site = OTHER
        self.blocked[site] = self.blocked.get(site, 0) + 1

    def _log_blocked(self, case: _Case, took_s: float) -> None:
        now = self._clock()
        if len(self._logged) == _LOG_BURST and now - self._logged[0] < _LOG_PAUSE_S:
            return
        self._logged.append(now)
        if case.culprit is None:
            self._log.warning("An event loop was blocked for %.3f s.", took_s)
            return
        site, stack = case.culprit.site, case.culprit.lines()
        self._log.warning(
            "An event loop was blocked for %.3f s at %s:%d in %s; other tasks waited. Stack:\n%s",
            took_s, site.file, site.line, site.function, stack,
            extra={
                "code.file.path": site.file,
                "code.line.number": site.line,
                "code.function.name": site.function,
                "code.stacktrace": stack,
            },
        )  # fmt: skip


def count_tasks(loops: list[asyncio.AbstractEventLoop]) -> int:
    """Count tasks that are not done.

    The interpreter keeps all tasks in one weak set up to 3.13: of a large one the size is taken,
    which is one step, where listing ten thousand tasks takes milliseconds; tasks that are done
    and still held count there. Later interpreters list them in C.
    """
    import asyncio  # There are loops to ask about: the application has imported it.

    if sys.version_info < (3, 14):
        for name in ("_scheduled_tasks", "_all_tasks"):
            tasks: Any = getattr(asyncio.tasks, name, None)
            if tasks is not None:
                return _count_living(tasks)
    return sum(len(asyncio.all_tasks(loop)) for loop in loops)


def _count_living(tasks: Any) -> int:
    if len(tasks) <= _MANY_TASKS:
        for _ in range(3):
            try:
                return sum(not task.done() for task in list(tasks))
            except RuntimeError:
                continue  # The set changed while it was listed, in the loop's thread.
    return len(tasks)


def _threads_are_greenlets() -> bool:
    """Whether gevent has taken the place of threads: a watchdog would never run beside a loop."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))
