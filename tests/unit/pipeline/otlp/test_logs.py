"""Log records in OTLP, as the SDK's own encoder writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import opentelemetry.sdk._logs as sdk_logs
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import TraceFlags

from vaquero.pipeline.otlp.logs import LogEncoder

if TYPE_CHECKING:
    pass

RESOURCE = Resource({"service.name": "shop"}, "https://opentelemetry.io/schemas/1.40.0")


class Catcher(sdk_logs.LogRecordProcessor):
    """Keeps what the SDK hands out."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def on_emit(self, log_record: Any) -> None:
        self.records.append(log_record)

    def shutdown(self) -> None:
        """Nothing to end."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


BODIES: list[Any] = ["text", 42, 2.5, True, b"raw", ["a", 1], {"k": {"n": [1, 2]}}, ""]


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_log_records_are_encoded_as_the_sdk_does(body: Any) -> None:
    """Field for field the same message as the SDK's own encoder makes, redaction aside."""
    catcher = Catcher()
    provider = sdk_logs.LoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(catcher)
    record = LogRecord(
        timestamp=1_700_000_000_000_000_001,
        observed_timestamp=1_700_000_000_000_000_002,
        severity_number=SeverityNumber.WARN,
        severity_text="WARNING",
        body=body,
        attributes={"a": 1, "b": "x", "c": (1, 2), "d": 2.5, "e": False},
        trace_id=0x1234567890ABCDEF1234567890ABCDEF,
        span_id=0x1234567890ABCDEF,
        trace_flags=TraceFlags(1),
        event_name="shop.sold",
    )
    provider.get_logger("test", "1.2", attributes={"in": "scope"}).emit(record)
    encoded, items = LogEncoder(None).encode(catcher.records)
    assert items == 1
    theirs = encode_logs(catcher.records)
    assert ExportLogsServiceRequest.FromString(encoded) == theirs
    provider.shutdown()
