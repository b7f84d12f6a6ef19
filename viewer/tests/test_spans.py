"""Spans on their way into the store."""

from __future__ import annotations

import threading

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2


def test_span_arrives_whole(client, viewer, make):
    """Ids, times, status, attributes, events, links, scope and resource come back as sent."""
    request = make.spans(
        {"trace": 0xABC, "id": 7, "parent": 9, "name": "GET /", "kind": 2, "ms": 12.5, "status": 2},
        service="shop",
        **{"service.version": "1.2"},
    )
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = "no stock"
    span.trace_state, span.flags = "vendor=1", 0x101
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 1, 2, 3
    values = {
        "text": "ä\0\n", "int": 2**62, "float": 0.5, "nan": float("nan"), "yes": True,
        "list": [1, "a"], "map": {"k": {"n": 1}}, "bytes": b"\xff",
    }  # fmt: skip
    make.attributes(span, values)
    event = span.events.add(name="exception", time_unix_nano=make.now + 1)
    make.attributes(event, {"exception.type": "ValueError"})
    span.links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8)

    client.send(request)

    trace = viewer.store.trace(f"{0xABC:032x}")
    (found,) = trace.spans
    assert (found.span_id, found.parent_span_id) == (f"{7:016x}", f"{9:016x}")
    assert (found.name, found.kind, found.service, found.scope) == (
        "GET /",
        "server",
        "shop",
        "test",
    )
    assert (found.start_ns, found.duration_ms) == (make.now, 12.5)
    assert (found.status, found.status_message, found.orphan) == ("error", "no stock", True)
    assert (found.trace_state, found.flags) == ("vendor=1", 0x101)
    assert (found.dropped_attributes, found.dropped_events, found.dropped_links) == (1, 2, 3)
    assert found.attributes == values | {"nan": "NaN", "bytes": "/w=="}
    assert found.events[0]["attributes"] == {"exception.type": "ValueError"}
    assert found.events[0]["time_ns"] == make.now + 1
    assert found.links[0]["trace_id"] == "01" * 16
    assert trace.resources[found.resource_id]["service.version"] == "1.2"


def test_repeated_request_adds_nothing(client, viewer, make):
    """The same spans sent again, even with another end or inside one request, stay one each."""
    request = make.spans({"id": 1}, {"id": 2})
    client.send(request)
    client.send(request)
    later = make.spans({"id": 1, "ms": 99, "start_ms": 60_000}, {"id": 3}, {"id": 3})
    client.send(later)

    counts = viewer.store.counts()
    assert (counts.spans, counts.repeated) == (3, 4)
    assert {span.duration_ms for span in viewer.store.trace(f"{1:032x}").spans} == {1.0}


def test_same_span_id_in_two_traces_is_two_spans(client, viewer, make):
    """A span is known by trace id and span id together."""
    client.send(make.spans({"trace": 1, "id": 5}))
    client.send(make.spans({"trace": 2, "id": 5}))

    assert viewer.store.counts().spans == 2


def test_repeats_across_a_restart_are_known(make, file, connect):
    """A span that is in the file already is not stored again by the next viewer."""
    from vaquero_viewer import Viewer

    for _ in range(2):
        with Viewer(file, otlp_port=0, web_port=0) as running:
            connect(running).send(make.spans({"id": 1}))
            assert running.store.counts().spans == 1


def test_fifty_thousand_spans_are_stored_exactly_once(client, viewer):
    """100 requests of 500 spans, each sent by two clients at once, leave 50 000 spans."""
    bodies = []
    for number in range(100):
        request = trace_service_pb2.ExportTraceServiceRequest()
        spans = request.resource_spans.add().scope_spans.add().spans
        for index in range(number * 500, number * 500 + 500):
            span = spans.add(
                name="work", start_time_unix_nano=index + 1, end_time_unix_nano=index + 9
            )
            span.trace_id = (index // 10 + 1).to_bytes(16, "big")
            span.span_id = (index + 1).to_bytes(8, "big")
        bodies.append(request.SerializeToString())
    statuses = []

    def send() -> None:
        statuses.extend(client.post("/v1/traces", body).status for body in bodies)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counts = viewer.store.counts()
    assert set(statuses) == {200}
    assert (counts.spans, counts.traces, counts.repeated) == (50_000, 5_000, 50_000)


def test_bad_spans_are_refused_and_the_others_kept(client, viewer, make):
    """Spans without usable ids or times are counted in the partial success; the rest is stored."""
    request = make.spans({"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}, {"id": 5})
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[1].trace_id = b"short"
    spans[2].span_id = bytes(8)
    spans[3].start_time_unix_nano = 0
    spans[4].end_time_unix_nano = 2**64 - 1

    reply = client.send(request)

    answer = trace_service_pb2.ExportTraceServiceResponse.FromString(reply.body)
    assert answer.partial_success.rejected_spans == 4
    assert "trace id" in answer.partial_success.error_message
    assert "2262" in answer.partial_success.error_message
    assert viewer.store.counts().spans == 1


def test_megabyte_attribute_is_kept_whole(client, viewer, make):
    """An attribute of 1 MB comes back with each of its characters."""
    client.send(make.spans({"attributes": {"blob": "x" * 2**20}}))

    assert len(viewer.store.trace(f"{1:032x}").spans[0].attributes["blob"]) == 2**20


def test_clock_set_back_gives_no_negative_duration(client, viewer, make):
    """A span that ends before it starts has the duration 0."""
    client.send(make.spans({"ms": -5}))

    assert viewer.store.trace(f"{1:032x}").spans[0].duration_ms == 0
