"""Log records on their way into the store."""

from __future__ import annotations

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2


def test_record_arrives_whole(client, viewer, make):
    """Body, severity, event name, attributes and the span it belongs to come back as sent."""
    request = make.logs("hello")
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.severity_text, record.event_name = "NOTICE", "greeting"
    record.trace_id, record.span_id = b"\1" * 16, b"\2" * 8
    make.attributes(record, {"who": "you"})

    client.send(request)

    (row,) = viewer.store.logs()
    assert (row.body, row.severity, row.event_name) == ("hello", "NOTICE", "greeting")
    assert (row.trace_id, row.span_id) == ("01" * 16, "02" * 8)
    assert (row.attributes, row.time_ns) == ({"who": "you"}, make.now)


def test_repeated_request_adds_nothing(client, viewer, make):
    """An identical request sent again adds no record, yet equal records of one request all stay."""
    request = make.logs("tick", "tick", "tock")
    client.send(request)
    client.send(request)

    assert sorted(row.body for row in viewer.store.logs()) == ["tick", "tick", "tock"]


def test_structured_body_is_json(client, viewer, make):
    """A body that is a map becomes JSON text."""
    request = make.logs("")
    body = request.resource_logs[0].scope_logs[0].log_records[0].body
    body.kvlist_value.values.add(key="a").value.int_value = 1

    client.send(request)

    assert viewer.store.logs()[0].body == '{"a":1}'


def test_missing_time_falls_back(client, viewer, make):
    """Without a time of its own a record has the time at which it was observed."""
    request = make.logs("x")
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.time_unix_nano, record.observed_time_unix_nano = 0, make.now + 5

    client.send(request)

    assert viewer.store.logs()[0].time_ns == make.now + 5


def test_conditions(client, viewer, make):
    """Records are found by least severity, by text in any case, and by service."""
    client.send(make.logs("All is WELL", severity=9))
    client.send(make.logs("it broke", severity=17, service="billing"))

    store = viewer.store
    assert [row.body for row in store.logs(min_severity=13)] == ["it broke"]
    assert [row.body for row in store.logs(contains="well")] == ["All is WELL"]
    assert [row.body for row in store.logs(service="billing")] == ["it broke"]
    assert store.logs(trace_id="not hexadecimal") == []


def test_bad_records_are_refused_and_the_others_kept(client, viewer, make):
    """A record with a trace id of three bytes is counted in the partial success."""
    request = make.logs("bad", "good")
    request.resource_logs[0].scope_logs[0].log_records[0].trace_id = b"abc"

    reply = client.send(request)

    answer = logs_service_pb2.ExportLogsServiceResponse.FromString(reply.body)
    assert answer.partial_success.rejected_log_records == 1
    assert [row.body for row in viewer.store.logs()] == ["good"]
