"""Trace and span ids in the application's own log lines, on request.

Each record gets ``otelTraceID``, ``otelSpanID``, ``otelTraceSampled`` and ``otelServiceName``, the
names that upstream's instrumentation uses, so that a format can show them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from vaquero.logs.record import current_place

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a format looks like that shows them.
FORMAT = (
    "%(asctime)s %(levelname)s [%(name)s] [%(filename)s:%(lineno)d] "
    "[trace_id=%(otelTraceID)s span_id=%(otelSpanID)s "
    "resource.service.name=%(otelServiceName)s trace_sampled=%(otelTraceSampled)s] - %(message)s"
)


def correlate(service_name: str) -> Callable[[], None]:
    """Add the fields to every record made from now on; the result ends it.

    Args:
        service_name: What ``otelServiceName`` says.
    """
    before = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        trace_id, span_id, flags = current_place()
        record.otelTraceID = f"{trace_id:032x}" if trace_id else "0"
        record.otelSpanID = f"{span_id:016x}" if span_id else "0"
        record.otelTraceSampled = bool(flags & 1)
        record.otelServiceName = service_name
        return record

    logging.setLogRecordFactory(factory)

    def stop() -> None:
        if logging.getLogRecordFactory() is factory:
            logging.setLogRecordFactory(before)

    return stop
