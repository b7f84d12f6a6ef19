"""Log records of the SDK, through the pipeline, to a backend that understands OTLP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import opentelemetry.sdk._logs as sdk_logs
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.resources import Resource

from tests.support.otlp_receiver import OtlpReceiver
from vaquero.pipeline import Pipeline
from vaquero.pipeline.exporters import LogExporter, LogProcessor

if TYPE_CHECKING:
    pass

RESOURCE = Resource({"service.name": "shop"}, "https://opentelemetry.io/schemas/1.40.0")


def emitted(processor: Any) -> sdk_logs.LoggerProvider:
    provider = sdk_logs.LoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    return provider


def write(provider: sdk_logs.LoggerProvider, message: str, **extra: Any) -> None:
    """Emit a record with this message and these attributes."""
    emit_record(provider, body=message, attributes=extra)


def emit_record(provider: sdk_logs.LoggerProvider, **fields: Any) -> None:
    from opentelemetry._logs import LogRecord

    values: dict[str, Any] = {
        "timestamp": 1_700_000_000_000_000_001,
        "observed_timestamp": 1_700_000_000_000_000_002,
        "severity_number": SeverityNumber.WARN,
        "severity_text": "WARNING",
        **fields,
    }
    provider.get_logger("test", "1.2", attributes={"in": "scope"}).emit(LogRecord(**values))


def test_logs_arrive_without_secrets(backend: OtlpReceiver, pipeline: Pipeline) -> None:
    """Body and attributes of a log record arrive, a token in the body does not."""
    provider = emitted(LogProcessor(pipeline))
    write(provider, "calling with Authorization: Bearer abcdef0123456789abcdef", user="alice")
    assert provider.force_flush()
    provider.shutdown()
    (body,) = backend.bodies("/v1/logs")
    message = ExportLogsServiceRequest.FromString(body)
    (record,) = message.resource_logs[0].scope_logs[0].log_records
    assert "abcdef0123456789" not in record.body.string_value
    assert "calling with" in record.body.string_value
    assert {pair.key for pair in record.attributes} >= {"user"}
    assert pipeline.stats().signals["logs"].acknowledged == 1


def test_the_log_exporter_takes_batches(backend: OtlpReceiver, pipeline: Pipeline) -> None:
    """Under a batch processor of the SDK, built by hand, records arrive too."""
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = emitted(BatchLogRecordProcessor(LogExporter(pipeline)))
    write(provider, "one")
    write(provider, "two")
    provider.force_flush()
    provider.shutdown()
    assert pipeline.flush(5)
    count = sum(
        len(scope.log_records)
        for body in backend.bodies("/v1/logs")
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in resource.scope_logs
    )
    assert count == 2


def test_a_hostile_log_record_costs_only_itself(backend: OtlpReceiver, pipeline: Pipeline) -> None:
    """A record whose body cannot even be printed is encoded as far as possible, or counted."""

    class Hostile:
        def __str__(self) -> str:
            raise SystemExit("gotcha")

        __repr__ = __str__

    provider = emitted(LogProcessor(pipeline))
    emit_record(provider, body=Hostile(), attributes={})
    write(provider, "harmless \ud800")
    assert provider.force_flush()
    provider.shutdown()
    stats = pipeline.stats().signals["logs"]
    assert stats.acknowledged + sum(stats.dropped.values()) == 2
    assert any(b"harmless" in body for body in backend.bodies("/v1/logs"))


def test_nothing_is_said_while_all_is_well(
    backend: OtlpReceiver, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    """A healthy life of all signals logs nothing."""
    with caplog.at_level(logging.INFO):
        provider = emitted(LogProcessor(pipeline))
        write(provider, "one")
        assert provider.force_flush()
        provider.shutdown()
    assert not caplog.records
