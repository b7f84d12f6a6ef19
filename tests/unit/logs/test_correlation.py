"""Trace and span ids in the application's own log lines."""

from __future__ import annotations

import logging

from vaquero.logs.correlation import correlate
from vaquero.tracing import TracerProvider


def test_correlation_fields_are_on_every_record() -> None:
    """A format of the application's can show the ids."""
    stop = correlate("shop")
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger = logging.getLogger("correlated")
    logger.setLevel(logging.DEBUG)
    handler = Keep()
    logger.addHandler(handler)
    try:
        with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("x") as s:
            logger.info("in")
        logger.info("out")
    finally:
        logger.removeHandler(handler)
        stop()

    first, second = (vars(record) for record in records)
    assert first["otelTraceID"] == f"{s.get_span_context().trace_id:032x}"
    assert (first["otelTraceSampled"], first["otelServiceName"]) == (True, "shop")
    assert (second["otelTraceID"], second["otelSpanID"]) == ("0", "0")
