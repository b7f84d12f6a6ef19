"""Answers read by hand: the same as protobuf reads, and safe with anything else."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from vaquero.pipeline.otlp.responses import partial_success, retry_info_s, status_message


@given(st.integers(0, 2**62), st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_a_partial_success_is_read(rejected: int, message: str) -> None:
    """Count and message of all three signals are what protobuf wrote."""
    answers = (
        ExportTraceServiceResponse(
            partial_success={"rejected_spans": rejected, "error_message": message}
        ),
        ExportMetricsServiceResponse(
            partial_success={"rejected_data_points": rejected, "error_message": message}
        ),
        ExportLogsServiceResponse(
            partial_success={"rejected_log_records": rejected, "error_message": message}
        ),
    )
    for answer in answers:
        assert partial_success(answer.SerializeToString()) == (rejected, message[:200])


@given(st.binary(max_size=300))
def test_anything_else_says_nothing_and_raises_nothing(data: bytes) -> None:
    """Random bytes never raise, and never reject a negative number."""
    assert partial_success(data)[0] >= 0
    status_message(data)
    delay = retry_info_s(data)
    assert delay is None or delay >= 0


def test_a_message_cannot_forge_log_lines() -> None:
    """Control characters of a stranger's message are blanks, and it is cut."""
    answer = ExportTraceServiceResponse(
        partial_success={
            "rejected_spans": 1,
            "error_message": "a\r\nERROR forged\x1b[31m" + "x" * 999,
        }
    )
    _, message = partial_success(answer.SerializeToString())
    assert message.isprintable()
    assert len(message) <= 200


@pytest.mark.parametrize("seconds", [0.0, 0.25, 3.0, 90.5, 7200.0])
def test_retry_info_is_found(seconds: float) -> None:
    """The delay is found among other details of a status."""
    info = RetryInfo()
    info.retry_delay.FromNanoseconds(int(seconds * 1e9))
    packed = AnyMessage()
    packed.Pack(info)
    other = AnyMessage()
    other.Pack(BadRequest(field_violations=[{"field": "x", "description": "y"}]))
    status = Status(code=14, message="later", details=[other, packed])
    assert retry_info_s(status.SerializeToString()) == seconds
    assert status_message(status.SerializeToString()) == "later"


def test_a_negative_delay_is_nothing() -> None:
    """A duration below zero is no delay."""
    info = RetryInfo()
    info.retry_delay.FromSeconds(-5)
    packed = AnyMessage()
    packed.Pack(info)
    assert retry_info_s(Status(details=[packed]).SerializeToString()) is None
