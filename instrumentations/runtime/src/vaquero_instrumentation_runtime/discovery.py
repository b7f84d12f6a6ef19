"""Finding event loops without the application's help.

Every loop of asyncio and uvloop calls ``_set_running_loop`` when it begins and when it ends to run.
That function is replaced by one that passes the call on and then notifies the watcher; the
replacement is made where loops look it up, and is taken back on request. A uvloop that
was imported before has looked it up already: there ``Loop.run_forever`` is replaced.

asyncio itself is not imported for this: a program that never does has no loops to find, and in
one that does later the function is replaced as soon as it is there.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from vaquero_instrumentation_common.import_hooks import when_imported

if TYPE_CHECKING:
    import asyncio

_log = logging.getLogger("vaquero.instrumentation.runtime")

OnLoop = Callable[["asyncio.AbstractEventLoop | None"], None]
_NAME: Final = "_set_running_loop"


class Discovery:
    """Calls back for every loop that begins to run, in the loop's thread.

    Args:
        on_loop: Called with the loop, and with None when it ends. What it raises goes to the log.
    """

    def __init__(self, on_loop: OnLoop) -> None:
        self._on_loop: OnLoop | None = on_loop
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._stop_waiting: Callable[[], None] | None = None

    def start(self) -> None:
        """Set the hook, now or when asyncio is imported, and look for loops that run already."""
        self._stop_waiting = when_imported("asyncio", self._begin)

    def _begin(self, asyncio: object) -> None:
        self._hook()
        self._replace_uvloop()
        for loop in running_loops():
            # It may close between being seen and being asked; then there is nothing to watch.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._notify, loop)

    def _hook(self) -> None:
        import asyncio
        from asyncio import events

        for module in (asyncio, events):
            original = getattr(module, _NAME, None)
            if original is None:
                continue
            wrapper = self._wrapper(original)
            setattr(module, _NAME, wrapper)
            self._replaced.append((module, _NAME, original, wrapper))

    def stop(self) -> None:
        """Take the hook back; where another has been set over it, it stays and is silent."""
        self._on_loop = None
        if self._stop_waiting is not None:
            self._stop_waiting()
        for owner, name, original, wrapper in self._replaced:
            if getattr(owner, name, None) is wrapper:
                setattr(owner, name, original)
        self._replaced.clear()

    def _replace_uvloop(self) -> None:
        owner: Any = getattr(sys.modules.get("uvloop"), "Loop", None)
        if owner is None:
            return
        original: Any = owner.run_forever

        @functools.wraps(original)
        def run_forever(loop: Any) -> Any:
            self._notify(loop)
            try:
                return original(loop)
            finally:
                self._notify(None)

        owner.run_forever = run_forever
        self._replaced.append((owner, "run_forever", original, run_forever))

    def _wrapper(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def _set_running_loop(loop: Any) -> None:
            original(loop)
            self._notify(loop)

        return _set_running_loop

    def _notify(self, loop: asyncio.AbstractEventLoop | None) -> None:
        on_loop = self._on_loop
        if on_loop is None:
            return
        try:
            on_loop(loop)
        except Exception:
            _log.debug("An event loop cannot be watched.", exc_info=True)


def running_loops() -> list[asyncio.AbstractEventLoop]:
    """Find the loops that run at this moment in any thread, from the frames of the threads."""
    if "asyncio" not in sys.modules:
        return []
    found: list[asyncio.AbstractEventLoop] = []
    for frame in list(sys._current_frames().values()):
        for loop in _loops_of(frame):
            if loop.is_running() and not any(loop is known for known in found):
                found.append(loop)
    return found


def _loops_of(frame: FrameType | None) -> Iterator[asyncio.AbstractEventLoop]:
    """Look for a loop in the locals of asyncio's own frames, outward."""
    from asyncio import AbstractEventLoop

    while frame is not None:
        name = frame.f_code.co_name
        file = frame.f_code.co_filename
        if ("asyncio" in file or "uvloop" in file) and name in ("run_forever", "run"):
            for value in (frame.f_locals.get("self"), frame.f_locals.get("loop")):
                for candidate in (value, getattr(value, "_loop", None)):
                    if isinstance(candidate, AbstractEventLoop):
                        yield candidate
        frame = frame.f_back
