"""Records of loguru and structlog to the pipeline, without a change to the application.

What they route through the standard library is left to its bridge, so that each record is sent
once. A library that is not imported is not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaquero_instrumentation_common.import_hooks import when_imported

from vaquero import _guard
from vaquero.logs.libraries.feed import Feed
from vaquero.logs.libraries.loguru import LoguruBridge
from vaquero.logs.libraries.structlog import StructlogBridge

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaquero.logs.bridge import Bridge
    from vaquero.logs.record import LazyLogRecord


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


def through(provider: Any) -> Callable[[LazyLogRecord], None]:
    """Hands rows to the processors of an SDK's provider as its own records."""

    def put(row: LazyLogRecord) -> None:
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
