"""OTLP in JSON, as the specification writes it."""

from __future__ import annotations

import json

import pytest
from vaquero_viewer.errors import BadBody
from vaquero_viewer.otlp.decode import JSON, PROTOBUF, decode
from vaquero_viewer.web.receiver import SIGNALS

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"

SPANS = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "lib", "version": "1"},
                    "spans": [
                        {
                            "traceId": TRACE.upper(),
                            "spanId": SPAN,
                            "parentSpanId": "",
                            "name": "GET /",
                            "startTimeUnixNano": "1544712660000000000",
                            "endTimeUnixNano": 1544712661000000000,
                            "kind": 2,
                            "status": {"code": 2, "message": "no"},
                            "attributes": [
                                {"key": "traceId", "value": {"intValue": "9007199254740993"}},
                                {"key": "flag", "value": {"boolValue": True}},
                                {"key": "raw", "value": {"bytesValue": "/w=="}},
                                {"key": "list", "value": {"arrayValue": {"values": [
                                    {"doubleValue": 1.5}, {"stringValue": "x"}]}}},
                            ],
                            "events": [{"timeUnixNano": "1544712660000000001", "name": "e"}],
                            "links": [{"traceId": TRACE, "spanId": SPAN}],
                            "fieldOfTheFuture": {"a": 1},
                        }
                    ],
                }
            ],
        }
    ]
}  # fmt: skip


def test_span_of_the_specification(client, viewer):
    """Hexadecimal ids, 64-bit numbers as text or number, enums as numbers, unknown fields."""
    reply = client.post("/v1/traces", json.dumps(SPANS).encode(), "application/json")

    assert (reply.status, reply.json) == (200, {})
    (span,) = viewer.store.trace(TRACE).spans
    assert (span.span_id, span.parent_span_id, span.kind, span.status) == (
        SPAN, None, "server", "error")  # fmt: skip
    assert (span.service, span.scope, span.duration_ms) == ("web", "lib", 1000.0)
    assert span.attributes == {
        "traceId": 9007199254740993, "flag": True, "raw": "/w==", "list": [1.5, "x"],
    }  # fmt: skip
    assert span.links[0]["trace_id"] == TRACE


def test_metrics_and_logs(client, viewer):
    """Gauges and log records in JSON arrive as those in protobuf do."""
    point = {"timeUnixNano": "1544712660000000000", "asInt": "7",
             "attributes": [{"key": "q", "value": {"stringValue": "mail"}}]}  # fmt: skip
    metric = {"name": "depth", "unit": "{job}", "gauge": {"dataPoints": [point]}}
    tree = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    assert client.post("/v1/metrics", json.dumps(tree).encode(), "application/json").status == 200
    record = {"timeUnixNano": "1544712660000000000", "severityNumber": 9, "traceId": TRACE,
              "spanId": SPAN, "body": {"stringValue": "hi"}}  # fmt: skip
    tree = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert client.post("/v1/logs", json.dumps(tree).encode(), "application/json").status == 200

    (gauge,) = viewer.store.gauges()
    assert (gauge.value, gauge.series.attributes) == (7, {"q": "mail"})
    (log,) = viewer.store.logs()
    assert (log.body, log.trace_id, log.severity) == ("hi", TRACE, "INFO")


def test_both_encodings_are_one_span(client, viewer, make):
    """A span sent in JSON and again in protobuf is stored once."""
    client.post("/v1/traces", json.dumps(SPANS).encode(), "application/json")
    signal = SIGNALS["/v1/traces"]
    message = decode(json.dumps(SPANS).encode(), signal.request, JSON)
    again = decode(message.SerializeToString(), signal.request, PROTOBUF)
    assert again == message
    client.send(again)

    assert viewer.store.counts().spans == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"resourceMetrics": []}',
        b'{"resourceSpans": 3}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\\ud800"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": {}}]}]}]}',
        b'{"resourceSpans": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"resourceSpans": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b"\xff\xfe",
    ],
)
def test_foreign_json_is_refused(body):
    """What is not the object of the path, or is nested without end, is a bad body."""
    with pytest.raises(BadBody):
        decode(body, SIGNALS["/v1/traces"].request, JSON)
