"""Each row of the table that is about metrics or logs, executed."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytest
from opentelemetry.sdk.version import __version__
from packaging.version import Version

from scripts.variables_table import VARIABLES, Variable
from tests.support.waiting import wait_until

from .checks import Checks

CHECKS = Checks()
executes = CHECKS.executes


@pytest.mark.parametrize(
    "row", [row for row in VARIABLES if row.area in ("Metrics", "Logs")], ids=lambda row: row.name
)
def test_the_row_says_what_happens(row: Variable, world: Any) -> None:
    """The variable has the effect that its row tells, or none where it is ignored."""
    CHECKS[row.name](world, row.name)


SPEAK = """
import logging, vaquero
from opentelemetry import metrics
vaquero.init()
with vaquero.span("work"):
    logging.getLogger("shop").warning("hello")
    logging.getLogger("shop").info("quiet")
metrics.get_meter("shop").create_counter("count").add(1)
vaquero.shutdown()
"""


@executes("OTEL_METRICS_EXPORTER")
def metrics_exporter(world: Any, name: str) -> None:
    world.plugin(
        {"opentelemetry_metrics_exporter": {"acme": "acme_plugin:Reader"}},
        "from opentelemetry.sdk.metrics.export import InMemoryMetricReader\n"
        "made = []\n"
        "class Reader(InMemoryMetricReader):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        made.append(self)\n",
    )
    assert world.program.run({name: "none"})
    assert not world.receiver.of("metrics")
    assert world.receiver.spans
    assert world.receiver.logs

    def read(program: Any) -> None:
        import acme_plugin  # type: ignore[import-not-found]

        program.meter.create_counter("count").add(1)
        (reader,) = acme_plugin.made
        assert reader.get_metrics_data().resource_metrics

    assert world.program.run({name: "otlp,acme"}, read)
    assert world.receiver.metric("count")
    result = world.python(SPEAK, **{name: "console"})
    assert '"count"' in result.stdout


@executes("OTEL_METRIC_EXPORT_INTERVAL")
def interval(world: Any, name: str) -> None:
    def wait_for_two(program: Any) -> None:
        program.meter.create_counter("count").add(1)
        wait_until(lambda: len(world.receiver.of("metrics")) >= 2, "two collections")

    world.program.run({name: "100", "OTEL_BSP_SCHEDULE_DELAY": "50"}, wait_for_two)
    assert len(world.receiver.of("metrics")) >= 2


@executes("OTEL_METRIC_EXPORT_TIMEOUT")
def collection_timeout(world: Any, name: str) -> None:
    assert world.program.run({name: "1234"})
    (reader,) = world.program.sdk.parts.ticker._readers
    assert reader._timeout_ms == 1234


@executes("OTEL_METRICS_EXEMPLAR_FILTER")
def exemplars(world: Any, name: str) -> None:
    def outside(program: Any) -> None:
        program.meter.create_counter("count").add(1)

    for value, inside, without in (
        ("trace_based", 1, 0),
        ("always_on", 1, 1),
        ("always_off", 0, 0),
    ):
        world.program.run({name: value})
        assert len(world.receiver.metric("count").sum.data_points[0].exemplars) == inside
        world.program.run({name: value}, outside)
        assert len(world.receiver.metric("count").sum.data_points[0].exemplars) == without


@executes("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")
def temporality(world: Any, name: str) -> None:
    for value, counter, histogram in (("cumulative", 2, 2), ("delta", 1, 1), ("lowmemory", 1, 1)):
        world.program.run({name: value})
        assert world.receiver.metric("count").sum.aggregation_temporality == counter
        assert world.receiver.metric("size").histogram.aggregation_temporality == histogram


@executes("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")
def histogram(world: Any, name: str) -> None:
    world.program.run({name: "base2_exponential_bucket_histogram"})
    assert world.receiver.metric("size").WhichOneof("data") == "exponential_histogram"
    world.program.run({name: "explicit_bucket_histogram"})
    assert world.receiver.metric("size").WhichOneof("data") == "histogram"


LOG_PLUGIN = (
    "import opentelemetry.sdk._logs.export as export\n"
    "Base = getattr(export, 'InMemoryLogRecordExporter', None) or export.InMemoryLogExporter\n"
    "seen = []\n"
    "class Exporter(Base):\n"
    "    def export(self, batch):\n"
    "        seen.append([record.log_record.body for record in batch])\n"
    "        return super().export(batch)\n"
)


@executes("OTEL_LOGS_EXPORTER")
def logs_exporter(world: Any, name: str) -> None:
    world.plugin({"opentelemetry_logs_exporter": {"acme": "acme_plugin:Exporter"}}, LOG_PLUGIN)
    assert world.program.run({name: "none"})
    assert not world.receiver.logs
    assert world.receiver.spans
    assert world.program.run({name: "otlp,acme"})
    import acme_plugin  # type: ignore[import-not-found]

    assert acme_plugin.seen == [["hello"]]
    assert [record.body.string_value for record in world.receiver.logs] == ["hello"]
    result = world.python(SPEAK, **{name: "console"})
    assert '"body": "hello"' in result.stdout


@executes(
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_EXPORT_TIMEOUT",
)
def batches_of_others(world: Any, name: str) -> None:
    world.plugin({"opentelemetry_logs_exporter": {"acme": "acme_plugin:Exporter"}}, LOG_PLUGIN)
    seen: dict[str, Any] = {}
    import opentelemetry.sdk._logs.export as export

    before = export.BatchLogRecordProcessor.__init__

    def note(self: Any, exporter: Any, **kwargs: Any) -> None:
        seen.update(kwargs)
        before(self, exporter, **kwargs)

    world.monkeypatch.setattr(export.BatchLogRecordProcessor, "__init__", note)
    assert world.program.run({name: "77", "OTEL_LOGS_EXPORTER": "acme,otlp"})
    argument = {
        "OTEL_BLRP_SCHEDULE_DELAY": "schedule_delay_millis",
        "OTEL_BLRP_MAX_QUEUE_SIZE": "max_queue_size",
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "max_export_batch_size",
        "OTEL_BLRP_EXPORT_TIMEOUT": "export_timeout_millis",
    }[name]
    assert seen[argument] == 77
    assert seen["max_export_batch_size"] <= seen["max_queue_size"]
    assert len(world.receiver.logs) == 1


def _by_both_roads(program: Any) -> None:
    from opentelemetry._logs import LogRecord

    logging.getLogger("shop").warning("stdlib", extra={"b": "12345678", "c": 1})
    program.sdk.logger_provider.get_logger("api").emit(
        LogRecord(body="api", attributes={"b": "12345678", "c": 1})
    )


@executes("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT")
def record_limits(world: Any, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The SDK says so of what it leaves out.
        assert world.program.run({name: "1"}, _by_both_roads)
    records = [
        record for record in world.receiver.logs if record.body.string_value in ("stdlib", "api")
    ]
    assert len(records) == 2
    # Before 1.39 the SDK itself puts no limits to what its API is given.
    of_api = Version(__version__) >= Version("1.39")
    for record in records if of_api else records[:1]:
        found = world.attributes(record)
        if "COUNT" in name:
            assert len(found) == 1
        else:
            assert found["b"] == "1"
    world.program.run({name: "1"})
    assert world.attributes(world.receiver.spans[0]) == {"a": "text" * 8}


@executes("OTEL_PYTHON_LOG_HANDLER_LEVEL")
def handler_level(world: Any, name: str) -> None:
    assert world.program.run({name: "error"})
    assert not world.receiver.logs
    assert world.program.run({name: "warning"})
    assert len(world.receiver.logs) == 1


@executes("OTEL_PYTHON_LOG_CORRELATION", "OTEL_PYTHON_LOG_FORMAT", "OTEL_PYTHON_LOG_LEVEL")
def correlation(world: Any, name: str) -> None:
    environ = {
        "OTEL_PYTHON_LOG_CORRELATION": "true",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    if name == "OTEL_PYTHON_LOG_FORMAT":
        environ[name] = "MINE %(otelTraceID)s %(message)s"
    if name == "OTEL_PYTHON_LOG_LEVEL":
        environ[name] = "info"
    result = world.python(SPEAK, **environ)
    assert result.returncode == 0, result.stderr
    assert ("MINE " if name == "OTEL_PYTHON_LOG_FORMAT" else "[trace_id=") in result.stderr
    assert "trace_id=0 " not in result.stderr
    assert ("quiet" in result.stderr) is (name == "OTEL_PYTHON_LOG_LEVEL")


@executes(
    "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION", "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED"
)
def bridge_switch(world: Any, name: str) -> None:
    assert world.program.run({name: "false"})
    assert not world.receiver.logs
    assert world.receiver.spans
    assert world.program.run({name: "true"})
    assert len(world.receiver.logs) == 1


@executes("OTEL_PYTHON_LOG_CODE_ATTRIBUTES")
def code_attributes(world: Any, name: str) -> None:
    for value in ("false", "true"):
        assert world.program.run({name: value})
        assert "code.line.number" in world.attributes(world.receiver.logs[0])
