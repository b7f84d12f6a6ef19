"""OTLP over gRPC on h2, against the real gRPC server."""

from __future__ import annotations

import concurrent.futures
import socket
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from vaquero.pipeline import Destination, PipelineSettings
from vaquero.pipeline.transport.grpc import GrpcTransport
from vaquero.pipeline.transport.retry import SendResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server(
    trace_service_pb2_grpc.TraceServiceServicer, logs_service_pb2_grpc.LogsServiceServicer
):
    """A gRPC collector that answers to order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.code: grpc.StatusCode | None = None
        self.text = "because"
        self.details: bytes | None = None
        self.response: Any = ExportTraceServiceResponse()
        self.logs = 0
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(
            type("Logs", (), {"Export": self.export_logs})(), self._server
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def Export(self, request: Any, context: Any) -> Any:
        self.metadata = dict(context.invocation_metadata())
        if self.code is not None:
            if self.details is not None:
                context.set_trailing_metadata((("grpc-status-details-bin", self.details),))
            context.abort(self.code, self.text)
        self.names += [
            span.name
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return self.response

    def export_logs(self, request: Any, context: Any) -> Any:
        self.logs += 1
        return ExportLogsServiceResponse()

    def stop(self) -> None:
        self._server.stop(0).wait()


@pytest.fixture
def server() -> Iterator[Server]:
    """A running gRPC collector."""
    running = Server()
    yield running
    running.stop()


def transport(port: int, signal: Any = "traces", **more: Any) -> GrpcTransport:
    destination = Destination(f"http://127.0.0.1:{port}", protocol="grpc", **more)
    return GrpcTransport(signal, destination, PipelineSettings())


def request(count: int, text: str = "") -> bytes:
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for number in range(count):
        span = scope.spans.add(name=f"s{number}")
        span.attributes.add(key="text").value.string_value = text
    return message.SerializeToString()


def send(server: Server, **more: Any) -> SendResult:
    one = transport(server.port, **more)
    try:
        return one.send(request(3), "batch-7", 10.0)
    finally:
        one.close()


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_arrive_with_metadata(compression: Any, server: Server) -> None:
    """One call, with headers in lower case, the batch id, compressed or not."""
    headers = (("Authorization", "Bearer t"),)
    assert send(server, compression=compression, headers=headers).verdict is Verdict.OK
    assert server.names == ["s0", "s1", "s2"]
    assert server.metadata["authorization"] == "Bearer t"
    assert server.metadata["x-vaquero-batch-id"] == "batch-7"


def test_other_signals_call_their_service(server: Server) -> None:
    """Logs go to the method of logs."""
    one = transport(server.port, "logs")
    assert one.send(b"", "b", 10.0).verdict is Verdict.OK
    one.close()
    assert server.logs == 1


def test_large_requests_obey_the_flow_control(server: Server) -> None:
    """Three megabytes, far beyond the window, arrive whole, again and again on one connection."""
    one = transport(server.port)
    for number in range(3):
        result = one.send(request(30, "x" * 100_000), str(number), 20.0)
        assert result.verdict is Verdict.OK, result
    one.close()
    assert len(server.names) == 90


CODES = {
    "CANCELLED": Verdict.RETRY,
    "DEADLINE_EXCEEDED": Verdict.RETRY,
    "ABORTED": Verdict.RETRY,
    "OUT_OF_RANGE": Verdict.RETRY,
    "UNAVAILABLE": Verdict.RETRY,
    "DATA_LOSS": Verdict.RETRY,
    "RESOURCE_EXHAUSTED": Verdict.DROP,
    "UNKNOWN": Verdict.DROP,
    "INVALID_ARGUMENT": Verdict.DROP,
    "ALREADY_EXISTS": Verdict.DROP,
    "FAILED_PRECONDITION": Verdict.DROP,
    "INTERNAL": Verdict.DROP,
    "NOT_FOUND": Verdict.REFUSED,
    "PERMISSION_DENIED": Verdict.REFUSED,
    "UNAUTHENTICATED": Verdict.REFUSED,
    "UNIMPLEMENTED": Verdict.REFUSED,
}


@pytest.mark.parametrize(("name", "verdict"), CODES.items())
def test_codes_are_judged_by_the_specification(name: str, verdict: Verdict, server: Server) -> None:
    """Only the codes that OTLP lists are retried; each is named in reason and detail."""
    server.code = grpc.StatusCode[name]
    result = send(server)
    assert result.verdict is verdict
    assert result.reason == f"grpc_{name.lower()}"
    assert "because" in result.detail


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
def test_retry_info_is_obeyed(code: str, server: Server) -> None:
    """With a RetryInfo both are retried, after the delay that it says."""
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(2500)
    packed = AnyMessage()
    packed.Pack(info)
    server.code = grpc.StatusCode[code]
    server.details = Status(code=8, details=[packed]).SerializeToString()
    result = send(server)
    assert (result.verdict, result.retry_after_s) == (Verdict.RETRY, 2.5)


def test_a_message_too_large_for_the_server_is_split(server: Server) -> None:
    """The server's limit of 4 MiB shows as RESOURCE_EXHAUSTED and means: split."""
    one = transport(server.port)
    result = one.send(request(50, "x" * 100_000), "b", 20.0)
    one.close()
    assert result.verdict is Verdict.SPLIT


def test_a_partial_success_is_read(server: Server) -> None:
    """Rejected spans and the message come back."""
    server.response = ExportTraceServiceResponse(
        partial_success={"rejected_spans": 2, "error_message": "too old"}
    )
    result = send(server)
    assert (result.verdict, result.rejected, result.detail) == (Verdict.OK, 2, "too old")


def test_a_server_that_comes_back_is_found_again(server: Server) -> None:
    """A connection that ended while it was idle is replaced without a failed request."""
    one = transport(server.port)
    assert one.send(request(1), "a", 10.0).verdict is Verdict.OK
    one.abort()
    assert one.send(request(1), "b", 10.0).verdict is Verdict.OK
    one.close()
    assert server.names == ["s0", "s0"]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 100, b""])
def test_what_speaks_no_http2_is_a_failure(answer: bytes) -> None:
    """Another server at this address: a failed attempt, no exception, no hang."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            one, _ = listener.accept()
            one.recv(1000)
            one.sendall(answer)
            one.close()
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    one = transport(listener.getsockname()[1])
    result = one.send(request(1), "b", 5.0)
    one.close()
    listener.close()
    assert result.verdict is Verdict.RETRY


def test_nobody_there_is_refused() -> None:
    """A refused connection is a failed attempt with its own reason."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert transport(port).send(b"", "b", 5.0).reason == "refused"


def test_abort_breaks_a_hung_call() -> None:
    """Another thread ends a call that waits for an answer, at once."""
    listener = socket.create_server(("127.0.0.1", 0))
    one = transport(listener.getsockname()[1])
    results: list[SendResult] = []
    thread = threading.Thread(target=lambda: results.append(one.send(request(1), "b", 30.0)))
    thread.start()
    accepted, _ = listener.accept()
    accepted.recv(10)
    one.abort()
    thread.join(10)
    assert results[0].verdict is Verdict.RETRY
    accepted.close()
    listener.close()


@pytest.mark.parametrize("endpoint", ["ftp://x:1", "http://", "https://:4317"])
def test_what_is_no_address_is_refused_at_once(endpoint: str) -> None:
    """An endpoint without host raises when the transport is built."""
    with pytest.raises(ValueError, match="no host:port"):
        GrpcTransport("traces", Destination(endpoint, protocol="grpc"), PipelineSettings())
