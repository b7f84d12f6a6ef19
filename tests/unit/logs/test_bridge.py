"""Log records of the standard library reach the pipeline, once, with their span."""

from __future__ import annotations

import logging
import logging.config
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vaquero.logs.bridge import Bridge, BridgeThroughProvider
from vaquero.logs.record import LazyLogRecord
from vaquero.pipeline.otlp.logs import LogEncoder
from vaquero.redaction import Redactor
from vaquero.tracing import TracerProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO = Resource({"service.name": "s"})
SCOPE = InstrumentationScope("test")


@pytest.fixture
def taken() -> Iterator[list[LazyLogRecord]]:
    """What a bridge from level INFO hands on."""
    rows: list[LazyLogRecord] = []
    stop = Bridge(rows.append, lambda: WHO, logging.INFO).install()
    yield rows
    stop()


def _logger(name: str = "app") -> logging.Logger:
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    return logger


def test_a_record_has_text_severity_scope_location_and_extras(taken: list[LazyLogRecord]) -> None:
    """Everything that the standard library knows of it arrives."""
    _logger("shop.pay").warning("paid %d of %s", 3, "four", extra={"order": {"id": 7}})

    (row,) = taken
    assert row.body == "paid 3 of four"
    assert row.severity_number is SeverityNumber.WARN
    assert row.severity_text == "WARNING"
    assert row.instrumentation_scope.name == "shop.pay"
    assert row.attributes["order"] == {"id": 7}
    assert row.attributes["code.file.path"] == __file__
    assert row.attributes["code.function.name"] == sys._getframe().f_code.co_name
    assert row.attributes["code.line.number"] > 1


@pytest.mark.parametrize("provider", [TracerProvider, SdkTracerProvider])
def test_a_record_knows_the_span_it_was_made_in(taken: list[LazyLogRecord], provider: Any) -> None:
    """Trace and span ids are those of the current span, ours or the SDK's."""
    tracer = provider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("x") as span:
        _logger().info("inside")
    _logger().info("outside")

    context = span.get_span_context()
    assert (taken[0].trace_id, taken[0].span_id) == (context.trace_id, context.span_id)
    assert (taken[1].trace_id, taken[1].span_id, taken[1].trace_flags) == (0, 0, 0)


def test_levels_below_are_not_sent_and_disabled_loggers_neither(taken: list[LazyLogRecord]) -> None:
    """The bridge asks for nothing that the application has switched off."""
    _logger().debug("below")
    quiet = _logger("quiet")
    quiet.setLevel(logging.ERROR)
    quiet.warning("switched off")

    assert taken == []


def test_vaqueros_own_records_do_not_come_back(taken: list[LazyLogRecord]) -> None:
    """No recursion: neither from the logger vaquero, nor from a sender that logs."""
    logging.getLogger("vaquero").warning("mine")
    logging.getLogger("vaquero.pipeline").error("mine")

    rows: list[LazyLogRecord] = []

    def put(row: LazyLogRecord) -> None:
        rows.append(row)
        logging.getLogger("other").error("made while sending")

    stop = Bridge(put, lambda: WHO, logging.INFO).install()
    _logger().error("once")
    stop()

    assert [row.body for row in rows] == ["once"]


def test_configuring_afterwards_changes_nothing_for_either(
    taken: list[LazyLogRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    """Afterwards basicConfig configures, dictConfig leaves the bridge, lastResort speaks."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        _logger("unconfigured").warning("to stderr by the last resort")
        logging.basicConfig(format="basic:%(message)s")
        _logger().warning("one")
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
        _logger().warning("two")
    finally:
        root.handlers = handlers

    assert [row.body for row in taken] == ["to stderr by the last resort", "one", "two"]
    assert capsys.readouterr().err.splitlines()[:2] == [
        "to stderr by the last resort",
        "basic:one",
    ]


def test_an_exception_is_told_with_its_stack(taken: list[LazyLogRecord]) -> None:
    """logger.exception gives exception.* attributes."""
    try:
        raise KeyError("nosuch")
    except KeyError:
        _logger().exception("failed")

    attributes = taken[0].attributes
    assert attributes["exception.type"] == "KeyError"
    assert "nosuch" in attributes["exception.message"]
    assert "test_an_exception_is_told" in attributes["exception.stacktrace"]


def test_arguments_that_do_not_fit_lose_nothing(
    taken: list[LazyLogRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    """The application's own handlers complain as they would; the record is sent."""
    logging.raiseExceptions, before = False, logging.raiseExceptions
    try:
        _logger().info("%d %d", "one")
    finally:
        logging.raiseExceptions = before

    assert taken[0].body == "%d %d ('one',)"


def test_a_row_is_encoded_and_redacted() -> None:
    """Body and attributes go through the redactor on their way to the wire."""
    rows: list[LazyLogRecord] = []
    stop = Bridge(rows.append, lambda: WHO, logging.INFO).install()
    _logger().info("login with password=hunter2", extra={"api_key": "hunter3", "route": "/in"})
    stop()

    body, items = LogEncoder(Redactor()).encode(list(rows))

    assert items == 1
    assert b"hunter" not in body
    assert b"/in" in body


def test_other_processors_see_records_of_the_sdk() -> None:
    """Where a processor of the user's is there too, records go through the SDK's provider."""
    seen: list[Any] = []

    class Processor:
        def on_emit(self, log_record: Any) -> None:
            seen.append(log_record.log_record)

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    provider = LoggerProvider(resource=WHO, shutdown_on_exit=False)
    provider.add_log_record_processor(Processor())  # type: ignore[arg-type]
    stop = BridgeThroughProvider(provider, logging.INFO).install()
    _logger().error("x")
    stop()

    assert [(record.body, record.severity_number) for record in seen] == [
        ("x", SeverityNumber.ERROR)
    ]
