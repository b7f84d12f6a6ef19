"""A wrong value of any variable stops no program and silences no other signal."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.variables_table import VARIABLES

SIGNALS = {"traces", "metrics", "logs"}
HOSTILE = ("nonsense", " , =,;", "-1", "0", "9" * 25, "nan", "é☃\udcff", "http://[", "x" * 5000)


#: Where 0 is no wrong value.
SWITCHES = {
    "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION",
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED",
}


def _of(name: str) -> set[str]:
    """The signals that a variable is about, and may silence."""
    for word, signal in (("_TRACES_", "traces"), ("_METRICS_", "metrics"), ("_LOGS_", "logs")):
        if word in name:
            return {signal}
    return SIGNALS if name.startswith("OTEL_EXPORTER_OTLP_") else set()


@pytest.mark.parametrize("name", [row.name.format("FLASK") for row in VARIABLES])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_wrong_value_stops_nothing_else(name: str, world: Any) -> None:
    """Whatever stands in it the program starts, and the signals it is not about arrive."""
    for value in HOSTILE:
        if value == "0" and name in SWITCHES:
            continue
        world.program.run({name: value}, timeout_s=0.5 if _of(name) else 10)
        arrived = {request.signal for request in world.receiver.requests}
        assert SIGNALS - _of(name) <= arrived, value


def test_all_wrong_at_once_stop_no_program(world: Any) -> None:
    """A program with every variable wrong starts, says so, and prints what it prints."""
    wrong = {
        row.name.format("FLASK"): "nonsense"
        for row in VARIABLES
        # An endpoint of that name is a host that the resolver would be asked for.
        if not row.name.endswith("_ENDPOINT") and row.area != "Other exporters"
    }
    code = (
        "import vaquero\n"
        "vaquero.init()\n"
        "from opentelemetry import trace, metrics, _logs\n"
        "with vaquero.span('a'), trace.get_tracer('b').start_as_current_span('c'):\n"
        "    metrics.get_meter('d').create_counter('e').add(1)\n"
        "    _logs.get_logger('f').emit(_logs.LogRecord(body='g'))\n"
        "print('on')\n"
    )

    result = world.python(code, OTEL_EXPORTER_OTLP_ENDPOINT=world.receiver.url, **wrong)

    assert (result.returncode, result.stdout) == (0, "on\n"), result.stderr
    assert "='nonsense' (from environment) is invalid; valid: " in result.stderr
