"""Records of loguru and structlog to the pipeline, without a word of the application.

What they route through the standard library is left to its bridge, so that each record is sent
once. A library that is not imported is not touched.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vaquero_instrumentation_common.import_hooks import when_imported

from vaquero import _guard
from vaquero.logs.libraries.loguru import LoguruBridge
from vaquero.logs.libraries.structlog import StructlogBridge
from vaquero.logs.record import LogRow, exception_attributes
from vaquero.values import freeze

if TYPE_CHECKING:
    import logging

    from vaquero.logs.bridge import Bridge


class Feed:
    """Where both put their records.

    Args:
        put: Takes a finished record; never raises, never waits.
        bridge: That of the standard library: gives resource and scopes.
        level: The lowest level that is sent.
    """

    def __init__(self, put: Callable[[Any], None], bridge: Bridge, level: int) -> None:
        self._put = put
        self._bridge = bridge
        self.level = level
        self._here = threading.local()

    def send(
        self,
        *,
        name: str,
        level: int,
        level_name: str,
        body: Any,
        extra: Mapping[str, Any],
        place: tuple[str, str, int],
        error: BaseException | None,
        at_ns: int | None = None,
    ) -> None:
        """Send one record, unless the standard library's bridge has sent it or vaquero made it.

        Args:
            name: Of the logger: its scope.
            level: A number of the standard library's scale.
            level_name: As the library calls it.
            body: The text, or what was logged.
            extra: What was given beside it.
            place: File, function and line.
            error: What was raised, for ``exception.*``.
            at_ns: When, Unix time in nanoseconds; now by default.
        """
        if level < self.level or self.busy or self._bridge.handling:
            return
        self._here.busy = True
        try:
            attributes: dict[str, Any] = {str(key): freeze(value) for key, value in extra.items()}
            file, function, line = place
            attributes["code.file.path"] = file
            attributes["code.function.name"] = function
            attributes["code.line.number"] = line
            if error is not None:
                attributes.update(exception_attributes(error))
            self._put(
                LogRow(
                    timestamp=at_ns or time.time_ns(),
                    level=level,
                    severity_text=level_name,
                    body=body if isinstance(body, str) else freeze(body),
                    resource=self._bridge.resource,
                    scope=self._bridge.scope(name),
                    attributes=attributes,
                )
            )
        except Exception as failure:
            _guard.report(failure, "logs.thirdparty")
        finally:
            self._here.busy = False

    @property
    def busy(self) -> bool:
        """Whether this thread is sending a record now: what is logged meanwhile is not sent."""
        return getattr(self._here, "busy", False)

    def sent_by_us(self, file: str, line: int) -> None:
        """Note that a record made at this place was sent; its library may route it on."""
        self._here.last = (file, line)

    def is_ours(self, record: logging.LogRecord) -> bool:
        """Whether a record of the standard library was just sent from the library it is of."""
        last = getattr(self._here, "last", None)
        return last is not None and last == (record.pathname, record.lineno)


def install(bridge: Bridge, level: int, put: Callable[[Any], None]) -> Callable[[], None]:
    """Begin, for what is imported now or later; the result ends it.

    Args:
        bridge: That of the standard library, which is told what it need not send.
        level: The lowest level that is sent.
        put: Takes a finished record; never raises, never waits.
    """
    feed = Feed(put, bridge, level)
    bridges: list[Any] = []

    def begin(make: Any) -> Callable[[Any], None]:
        def callback(module: Any) -> None:
            try:
                made = make(feed, module)
                made.install()
            except Exception as error:  # It may be of another shape than the one known here.
                _guard.report(error, f"logs.{module.__name__}")
                return
            bridges.append(made)
            bridge.routed = feed.is_ours

        return callback

    cancels = [
        when_imported("loguru", begin(LoguruBridge)),
        when_imported("structlog", begin(StructlogBridge)),
    ]

    def stop() -> None:
        for cancel in cancels:
            cancel()
        bridge.routed = None
        for made in bridges:
            made.remove()

    return stop


def through(provider: Any) -> Callable[[LogRow], None]:
    """Hands rows to the processors of an SDK's provider as its own records."""

    def put(row: LogRow) -> None:
        from opentelemetry._logs import LogRecord

        provider.get_logger(row.instrumentation_scope.name).emit(
            LogRecord(
                timestamp=row.timestamp,
                observed_timestamp=row.timestamp,
                severity_text=row.severity_text,
                severity_number=row.severity_number,
                body=row.body,
                attributes=row.attributes,
            )
        )

    return put
