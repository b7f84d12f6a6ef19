"""Whatever bytes come, the viewer answers sensibly and goes on."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaquero_viewer import Viewer
from vaquero_viewer.errors import BadBody
from vaquero_viewer.otlp.decode import JSON, PROTOBUF, decode
from vaquero_viewer.store import Store
from vaquero_viewer.web.api import jsonable
from vaquero_viewer.web.receiver import SIGNALS

paths = st.sampled_from(sorted(SIGNALS))
# What the parser meets in real life is broken OTLP rather than noise: start from whole messages.
words = st.sampled_from(
    [
        "resourceSpans", "scopeSpans", "spans", "traceId", "spanId", "name", "attributes", "key",
        "value", "stringValue", "intValue", "kvlistValue", "values", "events", "links", "kind",
        "resourceMetrics", "scopeMetrics", "metrics", "gauge", "dataPoints", "asInt", "asDouble",
        "timeUnixNano", "startTimeUnixNano", "resourceLogs", "scopeLogs", "logRecords", "body",
        "histogram", "bucketCounts", "explicitBounds", "status", "code", "resource", "scope",
    ]
)  # fmt: skip
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["0" * 32, "ab" * 16, "ab" * 8, "NaN", "-1", str(2**64)])
)  # fmt: skip
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@pytest.fixture(scope="module")
def shared():
    """One viewer for all examples: it must survive every one of them."""
    with Viewer(None, otlp_port=0, web_port=0) as running:
        yield running


@given(path=paths, body=st.binary(max_size=300), kind=st.sampled_from([PROTOBUF, JSON]))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_arbitrary_bytes_over_http(shared, connect, path, body, kind):
    """Any body gets 200 or 400 with an answer in its own type, and never stops the viewer."""
    reply = connect(shared).post(path, body, kind)

    assert reply.status in (200, 400)
    assert reply.headers["content-type"] == kind
    if reply.status == 400:
        assert reply.reason
    try:
        decode(body, SIGNALS[path].request, kind)
    except BadBody:
        assert reply.status == 400
    else:
        assert reply.status == 200 or "cannot be stored" in reply.reason


@given(path=paths, tree=trees)
@settings(max_examples=200, deadline=None)
def test_arbitrary_trees_of_json(path, tree):
    """JSON with OTLP's words in wrong places is read or refused, without another exception."""
    signal = SIGNALS[path]
    key = signal.request.DESCRIPTOR.fields[0].json_name
    body = json.dumps({key: tree}).encode()
    try:
        message = decode(body, signal.request, JSON)
    except BadBody as error:
        assert error.reason
        return
    batch = signal.read(message, 1)
    assert batch.row_count >= 0


@given(data=st.data())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_message_over_http(shared, connect, make, data):
    """A real request with some bytes changed gets 200 or 400, and the viewer goes on."""
    body = bytearray(
        make.spans({"attributes": {"a": [1, {"b": "c"}]}}, {"id": 2}).SerializeToString()
    )
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    assert connect(shared).post("/v1/traces", bytes(body)).status in (200, 400)
    assert connect(shared).get("/api/health").json["status"] == "ok"


def test_what_was_stored_can_be_read(shared, connect):
    """After all those examples each page of the API still answers, in valid JSON."""
    for path in ("/api/services", "/api/operations", "/api/traces", "/api/traces?order=slowest",
                 "/api/gauges?kind=any", "/api/metrics", "/api/logs", "/api/stats"):  # fmt: skip
        reply = connect(shared).get(path)
        assert reply.status == 200, path


@given(text=st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_survives_the_store(text_store, make, text):
    """Names and attributes come back character by character, NUL and emoji included."""
    request = make.spans({"name": text, "attributes": {"t": text}})
    span = request.resource_spans[0].scope_spans[0].spans[0]
    text_store.number += 1
    span.trace_id = text_store.number.to_bytes(16, "big")
    batch = SIGNALS["/v1/traces"].read(request, 1)
    text_store.store.submit(batch).result(20)

    (found,) = text_store.store.trace(f"{text_store.number:032x}").spans
    assert (found.name, found.attributes["t"]) == (text, text)


@pytest.fixture(scope="module")
def text_store():
    """A store without a server, and a counter for trace ids."""

    class Holder:
        store = Store()
        number = 0

    yield Holder
    Holder.store.close()


def test_numbers_beyond_javascript_are_text():
    """Integers that a browser would round leave as text; what JSON has no word for as null."""
    assert jsonable({"a": 2**53, "b": -(2**60), "c": 7, "d": float("inf"), "e": (True, None)}) == {
        "a": str(2**53), "b": str(-(2**60)), "c": 7, "d": None, "e": [True, None],
    }  # fmt: skip
