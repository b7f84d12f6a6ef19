"""Records of loguru and structlog reach the pipeline, once, with their span."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk.resources import Resource

from vaquero.logs.bridge import Bridge
from vaquero.logs.libraries import install as thirdparty
from vaquero.tracing import TracerProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

loguru = pytest.importorskip("loguru")
structlog = pytest.importorskip("structlog")

WHO = Resource({"service.name": "s"})


@pytest.fixture
def taken() -> Iterator[list[Any]]:
    """What arrives from level INFO, of all three libraries."""
    rows: list[Any] = []
    bridge = Bridge(rows.append, lambda: WHO, logging.INFO)
    stop = bridge.install()
    stop_others = thirdparty.install(bridge, logging.INFO, rows.append)
    yield rows
    stop_others()
    stop()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def quiet() -> Iterator[Any]:
    """Loguru without sinks of its own; ours stays."""
    loguru.logger.remove()
    yield loguru.logger
    loguru.logger.remove()


def _structlog_to(stream: Any, *processors: Any) -> None:
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def test_a_record_of_loguru_has_all_that_it_knows(taken: list[Any], quiet: Any) -> None:
    """Text, severity, extras, place, exception and span arrive, also after remove()."""
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("x") as span:
        try:
            raise KeyError("nosuch")
        except KeyError:
            quiet.bind(order={"id": 7}).exception("paid {}", 3)
    quiet.debug("below")

    (row,) = taken
    assert (row.body, row.severity_number, row.severity_text) == (
        "paid 3",
        SeverityNumber.ERROR,
        "ERROR",
    )
    assert row.instrumentation_scope.name == __name__
    assert row.attributes["order"] == {"id": 7}
    assert row.attributes["exception.type"] == "KeyError"
    assert row.attributes["code.file.path"] == __file__
    assert row.attributes["code.function.name"].startswith("test_a_record_of_loguru")
    assert row.span_id == span.get_span_context().span_id


def test_loguru_and_the_standard_library_routed_into_each_other_send_once(
    taken: list[Any], quiet: Any
) -> None:
    """Either way around a record is sent by one bridge only."""

    class Intercept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            loguru.logger.opt(depth=6).log(record.levelname, record.getMessage())

    class Propagate(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logging.getLogger(record.name).handle(record)

    logger = logging.getLogger("routed")
    logger.propagate, handler = False, Intercept()
    logger.addHandler(handler)
    try:
        logger.warning("from the standard library")
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    quiet.add(Propagate(), format="{message}")
    quiet.warning("from loguru")
    quiet.remove()
    quiet.warning("again")

    assert [row.body for row in taken] == ["from the standard library", "from loguru", "again"]


def test_the_sinks_of_the_application_are_as_without_us(taken: list[Any], quiet: Any) -> None:
    """What the application added writes what it wrote, and can be removed by its id."""
    stream = io.StringIO()
    handler = quiet.add(stream, format="{level}:{message}", level="DEBUG")
    quiet.debug("one")
    quiet.remove(handler)
    quiet.info("two")

    assert stream.getvalue() == "DEBUG:one\n"
    assert [row.body for row in taken] == ["two"]


def test_an_event_of_structlog_has_all_that_is_bound(taken: list[Any]) -> None:
    """Event, severity, bound and context values, place, exception and span arrive."""
    stream = io.StringIO()
    _structlog_to(stream, structlog.contextvars.merge_contextvars)
    structlog.contextvars.bind_contextvars(request="r1")
    log = structlog.get_logger().bind(user=7)
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("x") as span:
        log.warning("paid", items=["a"])
        try:
            raise ValueError("broken")
        except ValueError:
            log.exception("failed")

    paid, failed = taken
    assert (paid.body, paid.severity_number) == ("paid", SeverityNumber.WARN)
    found = paid.attributes
    assert (found["user"], found["request"], found["items"]) == (7, "r1", ("a",))
    assert found["code.file.path"] == __file__
    assert paid.instrumentation_scope.name == __name__
    assert paid.span_id == span.get_span_context().span_id
    assert failed.attributes["exception.type"] == "ValueError"
    assert len(stream.getvalue().splitlines()) == 2


def test_structlog_through_the_standard_library_is_sent_once(taken: list[Any]) -> None:
    """The standard library's bridge sends it, and its level decides."""
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    structlog.get_logger("by-stdlib").warning("once", a=1)

    (row,) = taken
    assert "once" in row.body
    assert row.instrumentation_scope.name == "by-stdlib"


def test_what_a_processor_drops_is_not_sent(taken: list[Any]) -> None:
    """The application's filter holds; below the level nothing is sent either."""

    def drop(logger: Any, method: str, event: Any) -> Any:
        raise structlog.DropEvent

    _structlog_to(io.StringIO(), drop)
    structlog.get_logger().error("dropped")
    _structlog_to(io.StringIO())
    structlog.get_logger().debug("below")

    assert taken == []


def test_values_that_cannot_be_printed_stop_nobody(taken: list[Any], quiet: Any) -> None:
    """An extra whose repr raises is sent as something, and the application hears nothing."""

    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    quiet.bind(bad=Bad()).info("on")

    assert [row.body for row in taken] == ["on"]


def test_ending_leaves_the_libraries_as_they_were() -> None:
    """After stop nothing of ours is in them."""
    logger_class = type(loguru.logger)
    before = logger_class.remove, structlog.BoundLoggerBase._process_event
    finders = list(sys.meta_path)
    bridge = Bridge(lambda row: None, lambda: WHO, logging.INFO)
    thirdparty.install(bridge, logging.INFO, lambda row: None)()

    assert (logger_class.remove, structlog.BoundLoggerBase._process_event) == before
    assert sys.meta_path == finders


def test_a_library_that_is_imported_later_is_bridged(tmp_path: Path) -> None:
    """Neither is imported by us; both are bridged once the application imports them."""
    code = """
    import logging, sys
    from opentelemetry.sdk.resources import Resource
    from vaquero.logs.libraries import install as thirdparty
    from vaquero.logs.bridge import Bridge
    rows = []
    bridge = Bridge(rows.append, lambda: Resource({}), logging.INFO)
    thirdparty.install(bridge, logging.INFO, rows.append)
    assert "loguru" not in sys.modules and "structlog" not in sys.modules
    import json.tool
    from loguru import logger
    logger.warning("one")
    import structlog
    structlog.get_logger().warning("two")
    print([row.body for row in rows], len([f for f in sys.meta_path if "vaquero" in repr(f)]))
    """
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )

    assert result.stdout.splitlines()[-1:] == ["['one', 'two'] 0"], result.stderr
