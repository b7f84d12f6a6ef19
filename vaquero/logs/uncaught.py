"""Uncaught exceptions as log events: of the main thread, of other threads, of finalizers.

Python's hooks are called afterwards as if nobody had listened. Exceptions of asyncio tasks reach
the logger ``asyncio``, and so the bridge.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from vaquero import _guard, _patch, _runtime
from vaquero._exceptions import exception_attributes
from vaquero.logs.record import LazyLogRecord

if TYPE_CHECKING:
    from collections.abc import Callable

_ERROR, _FATAL = 40, 50
_NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit)


class Uncaught:
    """Sends an event for each exception that nobody caught.

    Args:
        put: Takes a finished record; never raises, never waits.
        resource: Gives who the process is.
        scope: Under which scope the events are sent.
    """

    def __init__(self, put: Callable[[Any], None], resource: Callable[[], Any], scope: Any) -> None:
        self._put = put
        self._resource = resource
        self._scope = scope

    def install(self) -> Callable[[], None]:
        """Begin; the result ends it."""
        main, thread, unraisable = sys.excepthook, threading.excepthook, sys.unraisablehook

        def of_main(kind: type[BaseException], error: BaseException, trace: Any) -> None:
            self.take(error, "main", _FATAL)
            main(kind, error, trace)

        def of_thread(arguments: threading.ExceptHookArgs) -> None:
            self.take(arguments.exc_value, "thread", _ERROR)
            thread(arguments)

        def of_finalizer(arguments: sys.UnraisableHookArgs) -> None:
            self.take(arguments.exc_value, "unraisable", _ERROR)
            unraisable(arguments)

        restores = (
            _patch.replace(sys, "excepthook", of_main),
            _patch.replace(threading, "excepthook", of_thread),
            _patch.replace(sys, "unraisablehook", of_finalizer),
        )

        def stop() -> None:
            for restore in restores:
                restore()

        return stop

    def take(self, error: BaseException | None, where: str, level: int) -> None:
        """Send one event; exceptions by which a program ends on purpose are left out."""
        if error is None or isinstance(error, _NOT_OURS):
            return
        try:
            attributes = exception_attributes(error)
            attributes["vaquero.exception.source"] = where
            self._put(
                LazyLogRecord(
                    timestamp=time.time_ns(),
                    level=level,
                    severity_text="FATAL" if level == _FATAL else "ERROR",
                    body=f"uncaught {attributes['exception.type']}",
                    resource=self._resource(),
                    scope=self._scope,
                    attributes=attributes,
                    event_name="exception",
                    place=_runtime.take_span_of(error),
                )
            )
        except Exception as failure:
            _guard.report(failure, "logs.uncaught")
