"""The OTLP receiver of the tests: what it keeps, and how it answers."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
import zlib
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp_client import post
from tests.support.otlp_receiver import Answer, OtlpReceiver


def _traces(*names: str) -> bytes:
    request = ExportTraceServiceRequest()
    whole = request.resource_spans.add()
    whole.resource.attributes.add(key="service.name").value.string_value = "shop"
    part = whole.scope_spans.add()
    part.scope.name = "scope"
    for number, name in enumerate(names):
        span = part.spans.add(name=name, span_id=bytes([number]) * 8)
        span.attributes.add(key="n").value.int_value = number
        span.attributes.add(key="l").value.array_value.values.add().bool_value = True
    return request.SerializeToString()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """One that takes everything."""
    with OtlpReceiver() as running:
        yield running


def _post(
    receiver: OtlpReceiver, path: str, body: bytes, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=20)
    try:
        connection.request("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_spans_are_decoded(receiver: OtlpReceiver) -> None:
    """Names, attributes and resources of spans, whichever compression they came in."""
    body = _traces("a", "b")
    assert _post(receiver, "/v1/traces", body)[0] == 200
    _post(receiver, "/v1/traces", gzip.compress(body), Content_Encoding="gzip")
    _post(receiver, "/v1/traces", zlib.compress(body), Content_Encoding="deflate")

    assert receiver.names == {"a": 3, "b": 3}
    assert [span.name for span in receiver.spans] == ["a", "b"] * 3
    span = receiver.named("b")[0]
    assert (span.attributes, span.resource) == ({"n": 1, "l": [True]}, {"service.name": "shop"})
    assert (span.scope, receiver.resource) == ("scope", {"service.name": "shop"})
    assert receiver.bodies("/v1/traces")[1] == gzip.compress(body)


def test_metrics_and_logs_are_decoded(receiver: OtlpReceiver) -> None:
    """Metrics by name, newest last, and the bodies of log records."""
    metrics = ExportMetricsServiceRequest()
    part = metrics.resource_metrics.add().scope_metrics.add()
    part.metrics.add(name="m", unit="1")
    part.metrics.add(name="m", unit="2")
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = "said"
    _post(receiver, "/base/v1/metrics?x=1", metrics.SerializeToString())
    _post(receiver, "/v1/logs", logs.SerializeToString())

    assert receiver.metric_names == {"m"}
    assert receiver.metric("m").unit == "2"
    assert receiver.metric("other") is None
    assert receiver.log_bodies == ["said"]
    assert [request.signal for request in receiver.requests] == ["metrics", "logs"]


def test_what_is_refused_is_not_counted(receiver: OtlpReceiver) -> None:
    """A request that is answered by an error is seen, but what is in it has not arrived."""
    receiver.script = [Answer.retry_after(7)]
    status, headers, _body = _post(receiver, "/v1/traces", _traces("a"))

    assert (status, headers["Retry-After"]) == (503, "7")
    assert (len(receiver.requests), receiver.spans) == (1, [])
    assert _post(receiver, "/v1/traces", _traces("a"))[0] == 200
    assert receiver.names == {"a": 1}


def test_a_lost_answer(receiver: OtlpReceiver) -> None:
    """A connection that is reset after the request was taken: it arrived, and nobody is told."""
    receiver.answer = Answer(cut=True, accepted=True)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        _post(receiver, "/v1/traces", _traces("a"))

    assert receiver.names == {"a": 1}


def test_bytes_that_are_no_answer(receiver: OtlpReceiver) -> None:
    """What is given is sent as it is, and the request has not been taken."""
    receiver.answer = Answer(raw=[b"no ", b"HTTP\r\n\r\n"])
    with pytest.raises(http.client.BadStatusLine):
        _post(receiver, "/v1/traces", _traces("a"))

    assert not receiver.names


def test_a_slow_answer(receiver: OtlpReceiver) -> None:
    """It comes after its delay; the request is there before."""
    receiver.answer = Answer(delay_s=0.3)
    begun = time.monotonic()

    assert _post(receiver, "/v1/traces", _traces("a"))[0] == 200
    assert time.monotonic() - begun >= 0.3


def test_closing_ends_what_hangs() -> None:
    """An answer that never comes holds neither the receiver nor its client after the end."""
    receiver = OtlpReceiver()
    receiver.answer = Answer(hang=True)
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            _post(receiver, "/v1/traces", _traces("a"))
        except OSError as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not receiver.requests:
        time.sleep(0.01)
    receiver.close()
    receiver.close()
    thread.join(10)

    assert len(ended) == 1
    assert not receiver.names
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection(("127.0.0.1", receiver.port), 1)


def test_connections_are_counted(receiver: OtlpReceiver) -> None:
    """Two requests on one connection, and one on another."""
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=20)
    for _ in range(2):
        connection.request("POST", "/v1/traces", _traces("a"))
        connection.getresponse().read()
    connection.close()
    _post(receiver, "/v1/traces", _traces("a"))

    assert receiver.connections == 2


def test_a_request_is_sent_once(receiver: OtlpReceiver) -> None:
    """The client of the tests gives the status of any answer, and never tries again."""
    message = ExportTraceServiceRequest.FromString(_traces("a"))
    receiver.script = [Answer(503)]

    assert post(receiver.url, "traces", message) == 503
    assert len(receiver.requests) == 1
    assert post(receiver.url, "traces", message) == 200
    assert receiver.messages("traces") == [message]
