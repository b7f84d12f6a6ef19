"""From the standard library's logging to the pipeline.

The bridge hangs on ``Logger.callHandlers`` and not in a list of handlers: ``basicConfig`` still
configures, ``dictConfig`` does not take it off, and what is written to the console stays as it was.
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vaquero import _guard, _patch
from vaquero.logs.record import LazyLogRecord, record_attributes, severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.resources import Resource

_MAX_SCOPES = 4096


class Bridge:
    """Sends log records of the standard library.

    Args:
        put: Takes a finished record; never raises, never waits.
        resource: Gives who the process is, also after a fork.
        level: The lowest level that is sent.
    """

    def __init__(
        self, put: Callable[[Any], None], resource: Callable[[], Resource], level: int
    ) -> None:
        self._put = put
        self._resource = resource
        self._level = level
        self._scopes: dict[str, InstrumentationScope] = {}
        self._busy = threading.local()
        #: Tells a record that another library has sent and routes on; None without such a library.
        self.routed: Callable[[logging.LogRecord], bool] | None = None

    def install(self) -> Callable[[], None]:
        """Begin; the result ends it."""
        before = logging.Logger.callHandlers

        @functools.wraps(before)
        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
            if self.routed is not None:
                self._take_and_handle(logger, record, before)
                return
            if record.levelno >= self._level:
                self.take(record)
            before(logger, record)

        restore = _patch.replace(logging.Logger, "callHandlers", call_handlers)

        def stop() -> None:
            self._level = 1_000_000
            restore()

        return stop

    def _take_and_handle(self, logger: Any, record: logging.LogRecord, before: Any) -> None:
        """As without other libraries; but no record is sent by two of them."""
        if record.levelno < self._level or (self.routed is not None and self.routed(record)):
            before(logger, record)
            return
        self.take(record)
        outer = self.handling
        self._busy.handling = True
        try:
            before(logger, record)
        finally:
            self._busy.handling = outer

    @property
    def handling(self) -> bool:
        """Whether handlers of a record that was sent run in this thread now."""
        return getattr(self._busy, "handling", False)

    @property
    def resource(self) -> Resource:
        """Who the process is."""
        return self._resource()

    def take(self, record: logging.LogRecord) -> None:
        """Send one record; records of vaquero itself, and those made while sending, are not."""
        if record.name.partition(".")[0] == "vaquero" or getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            self._send(record)
        except Exception as error:
            _guard.report(error, "logs.bridge")
        finally:
            self._busy.now = False

    def _send(self, record: logging.LogRecord) -> None:
        self._put(
            LazyLogRecord(
                timestamp=int(record.created * 1_000_000_000),
                level=record.levelno,
                severity_text=record.levelname,
                body=_body(record),
                resource=self._resource(),
                scope=self.scope(record.name),
                source=record,
            )
        )

    def scope(self, name: str) -> InstrumentationScope:
        """The scope of a logger: its name."""
        found = self._scopes.get(name)
        if found is None:
            if len(self._scopes) >= _MAX_SCOPES:
                self._scopes.clear()
            found = self._scopes[name] = InstrumentationScope(name)
        return found


class BridgeThroughProvider(Bridge):
    """The same through a logger provider, where other processors want to see the records."""

    def __init__(self, provider: LoggerProvider, level: int) -> None:
        super().__init__(_nowhere, lambda: provider.resource, level)
        self.provider = provider

    def _send(self, record: logging.LogRecord) -> None:
        from opentelemetry._logs import LogRecord

        at_ns = int(record.created * 1_000_000_000)
        self.provider.get_logger(record.name).emit(
            LogRecord(
                timestamp=at_ns,
                observed_timestamp=at_ns,
                severity_text=record.levelname,
                severity_number=severity(record.levelno),
                body=_body(record),
                attributes=record_attributes(record),
            )
        )


def _body(record: logging.LogRecord) -> str:
    """The text of a record; where its arguments do not fit, text and arguments as they are."""
    try:
        return record.getMessage()
    except Exception:
        # The application hears of this from its own handlers, as without us.
        return f"{record.msg!s} {_shown(record.args)}"


def _shown(arguments: Any) -> str:
    try:
        return repr(arguments)
    except Exception:
        return "(arguments that cannot be printed)"


def _nowhere(_: Any) -> None:
    return None
