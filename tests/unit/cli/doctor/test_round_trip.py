"""The round trip: what is sent, and which answers are well."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from vaquero import config
from vaquero.cli.doctor import checks, round_trip
from vaquero.cli.group import dispatch

PROTOBUF = "application/x-protobuf"


class Answering:
    """A server that answers every POST alike, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.kind, self.body = 200, PROTOBUF, b""
        self.requests: dict[str, bytes] = {}
        self.headers: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                # Requests of one kind, one after the other, are one request.
                outer.requests[self.path] = outer.requests.get(self.path, b"") + body
                outer.headers.append(self.headers)
                self.send_response(outer.status)
                if outer.kind:
                    self.send_header("Content-Type", outer.kind)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on stderr."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Runs while the test does."""
    answering = Answering()
    threading.Thread(target=answering.server.serve_forever, daemon=True).start()
    yield answering
    answering.server.shutdown()
    answering.server.server_close()


def _checked(endpoint: str, **environ: str) -> list[checks.CheckResult]:
    settings = config.load(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **environ})
    return list(round_trip.check(settings))


class Item(NamedTuple):
    """One span, data point or log record as a receiver decodes it, and where it stands."""

    resource: dict[str, str]
    item: Any

    def attributes(self) -> dict[str, str]:
        """Its attributes as text."""
        return _text_of(self.item.attributes)

    def fields(self) -> set[str]:
        """Names of the fields that are set."""
        return {field.name for field, _ in self.item.ListFields()}


def _text_of(attributes: Any) -> dict[str, str]:
    return {pair.key: str(pair.value).strip() for pair in attributes}


def _items(answering: Answering, scope: str) -> dict[str, Item]:
    """What came of a scope, by signal, decoded with the official classes."""
    traces = ExportTraceServiceRequest.FromString(answering.requests["/v1/traces"])
    metrics = ExportMetricsServiceRequest.FromString(answering.requests["/v1/metrics"])
    logs = ExportLogsServiceRequest.FromString(answering.requests["/v1/logs"])
    return {
        signal: Item(_text_of(group.resource.attributes), pick(one))
        for signal, groups, inner, pick in (
            ("traces", traces.resource_spans, "scope_spans", lambda one: one.spans[0]),
            (
                "metrics",
                metrics.resource_metrics,
                "scope_metrics",
                lambda one: one.metrics[0].gauge.data_points[0],
            ),
            ("logs", logs.resource_logs, "scope_logs", lambda one: one.log_records[0]),
        )
        for group in groups
        for one in getattr(group, inner)
        if one.scope.name == scope or (signal == "logs" and one.scope.name)
    }


def test_a_receiver_that_takes_all_three_is_well(answering: Answering) -> None:
    """A marked span, metric and log record arrive as valid OTLP, with the same mark."""
    findings = _checked(answering.url, OTEL_EXPORTER_OTLP_HEADERS="x-tenant=shop")
    assert [finding.verdict for finding in findings] == ["ok"] * 3
    assert all(headers["x-tenant"] == "shop" for headers in answering.headers)
    items = _items(answering, "vaquero.doctor")
    assert set(items) == {"traces", "metrics", "logs"}
    assert len({one.attributes()["vaquero.doctor.mark"] for one in items.values()}) == 1
    span = items["traces"]
    assert (len(span.item.trace_id), len(span.item.span_id)) == (16, 8)
    assert {"service.name", "telemetry.distro.name"} <= set(span.resource)


PROGRAM = """
import logging
import vaquero
from opentelemetry import metrics, trace
vaquero.init()
with trace.get_tracer("shop").start_as_current_span("look", attributes={"of": "shop"}):
    pass
logging.getLogger("shop").warning("look", extra={"of": "shop"})
metrics.get_meter("shop").create_gauge("stock", unit="1").set(1.0, {"of": "shop"})
vaquero.flush()
"""


def test_what_arrives_is_what_a_program_sends(answering: Answering) -> None:
    """Fields, resource and redaction are those of a program with the same settings."""
    chosen = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": answering.url,
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "team.password=hunter2,team=blue,floor.key=third",
        "VAQUERO_REDACT_KEYS": "floor",
        "VAQUERO_SPOOL": "false",
        "VAQUERO_GAUGES": "false",
    }
    subprocess.run([sys.executable, "-c", PROGRAM], env={**os.environ, **chosen}, check=True)
    program = _items(answering, "shop")
    answering.requests.clear()
    findings = list(round_trip.check(config.load(environ=chosen)))
    assert [finding.verdict for finding in findings] == ["ok"] * 3
    doctor = _items(answering, "vaquero.doctor")
    of_process = {"service.instance.id", "process.pid"}
    for signal in ("traces", "metrics", "logs"):
        theirs, ours = program[signal], doctor[signal]
        assert "hunter2" not in str(ours.resource)
        assert "third" not in str(ours.resource)
        assert set(ours.resource) == set(theirs.resource)
        changed = {key for key in theirs.resource if ours.resource[key] != theirs.resource[key]}
        assert changed <= of_process
        assert ours.fields() == theirs.fields()
        assert set(ours.attributes()) - {"vaquero.doctor.mark"} == set(theirs.attributes()) - {"of"}


PARTIAL = ExportTraceServiceResponse(
    partial_success=ExportTracePartialSuccess(rejected_spans=1, error_message="quota")
).SerializeToString()


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (200, "text/html", b"<html>hello</html>", "no OTLP receiver"),
        (200, "text/plain", b"OK", "no OTLP receiver"),
        (200, "", b"", "no content type"),
        (200, PROTOBUF, b"\xff\xff\xff", "no OTLP message"),
        (200, PROTOBUF, PARTIAL, "quota"),
        (401, PROTOBUF, b"", "401"),
        (404, "text/plain", b"nope", "404"),
        (302, "", b"", "302"),
        (503, PROTOBUF, b"", "503"),
    ],
)
def test_every_other_answer_is_a_failure(
    status: int, kind: str, body: bytes, said: str, answering: Answering
) -> None:
    """Partial success, refusal, a foreign server's 200: the finding fails and says why."""
    answering.status, answering.kind, answering.body = status, kind, body
    findings = _checked(answering.url)
    assert [finding.verdict for finding in findings] == ["failed"] * 3
    assert said in findings[0].text


def test_a_warning_of_the_backend_is_passed_on(answering: Answering) -> None:
    """A partial success that rejects nothing is the protocol's way of warning."""
    answering.body = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(error_message="old version")
    ).SerializeToString()
    findings = _checked(answering.url)
    assert {finding.verdict for finding in findings} == {"warning"}
    assert "old version" in findings[0].text


def test_an_address_where_nobody_listens_is_said_once() -> None:
    """One finding for three signals, with the address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    findings = _checked(f"http://127.0.0.1:{port}")
    assert [finding.verdict for finding in findings] == ["failed"]
    assert f"port {port}" in findings[0].text


def test_credentials_of_the_address_are_not_shown() -> None:
    """User and password of an endpoint stay out of what is printed."""
    findings = _checked("http://me:hunter2@127.0.0.1:9")
    assert "hunter2" not in str(findings)


def test_json_and_exit_code_say_the_verdict(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 where all is well, 1 where something failed; the JSON holds every finding."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", answering.url)
    assert dispatch(["doctor", "--json"]) == 0
    well = json.loads(capsys.readouterr().out)
    assert well["verdict"] == "ok"
    assert well["versions"]["vaquero-otel"]
    answering.status = 500
    assert dispatch(["doctor"]) == 1
    assert "FAIL" in capsys.readouterr().out
