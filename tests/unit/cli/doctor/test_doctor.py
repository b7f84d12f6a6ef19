"""The doctor: which answers are well, and what is found in an installation."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any

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
from vaquero.sdk import judges

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
                outer.requests[self.path] = self.rfile.read(int(self.headers["content-length"]))
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


def _checked(endpoint: str, **environ: str) -> list[checks.Finding]:
    settings = config.load(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **environ})
    return list(round_trip.check(settings))


def test_a_receiver_that_takes_all_three_is_well(answering: Answering) -> None:
    """A marked span, metric and log record arrive as valid OTLP, with the same mark."""
    findings = _checked(answering.url, OTEL_EXPORTER_OTLP_HEADERS="x-tenant=shop")
    assert [finding.verdict for finding in findings] == ["ok"] * 3
    assert all(headers["x-tenant"] == "shop" for headers in answering.headers)
    trace = ExportTraceServiceRequest.FromString(answering.requests["/v1/traces"])
    metric = ExportMetricsServiceRequest.FromString(answering.requests["/v1/metrics"])
    log = ExportLogsServiceRequest.FromString(answering.requests["/v1/logs"])
    span = trace.resource_spans[0].scope_spans[0].spans[0]
    point = metric.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
    record = log.resource_logs[0].scope_logs[0].log_records[0]
    marks = {item.attributes[0].value.string_value for item in (span, point, record)}
    assert len(marks) == 1
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    names = {pair.key for pair in trace.resource_spans[0].resource.attributes}
    assert {"service.name", "telemetry.distro.name"} <= names


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


class _Distribution:
    def __init__(self, name: str, *files: str) -> None:
        self.metadata = {"Name": name}
        self.version = "1.0"
        self.files = [PurePosixPath(file) for file in files]


def test_another_owner_of_the_import_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution whose files lie in our package is a failure that says what to uninstall."""
    others = [
        _Distribution("vaquero-otel", "vaquero/__init__.py"),
        _Distribution("vaquero-sdk", "vaquero/__init__.py", "vaquero/sdk.py"),
        _Distribution("vaquero-viewer", "vaquero_viewer/__init__.py"),
    ]
    monkeypatch.setattr(checks.metadata, "distributions", lambda: others)
    findings = list(checks._owners())
    assert [finding.verdict for finding in findings] == ["failed"]
    assert "vaquero-sdk 1.0" in findings[0].text
    assert "vaquero-viewer" not in findings[0].text


def test_two_distributions_of_opentelemetry_are_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which one runs depends on the launcher, so it is said; ours missing is a failure."""

    class Point:
        def __init__(self, name: str) -> None:
            self.name = name

    names = ["distro", "vaquero"]
    monkeypatch.setattr(checks.metadata, "entry_points", lambda group: [Point(n) for n in names])
    (finding,) = checks._entry_points("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
    assert finding.verdict == "warning"
    assert "distro" in finding.text
    monkeypatch.setenv("OTEL_PYTHON_DISTRO", "distro")
    (finding,) = checks._entry_points("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
    assert "chooses another one" in finding.text
    names.remove("vaquero")
    (finding,) = checks._entry_points("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
    assert finding.verdict == "failed"


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("FASTAPI_OTEL_AUTO_CONFIGURE", "true", "warning"),
        ("OTEL_PROPAGATORS", "nonsense", "failed"),
        ("OTEL_SDK_DISABLED", "true", "warning"),
        ("OTEL_TRACES_EXPORTER", "none", "warning"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "warning"),
    ],
)
def test_a_setting_that_is_in_the_way_is_found(
    name: str, value: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these explains why something is missing or doubled."""
    monkeypatch.setenv(name, value)
    assert [finding.verdict for finding in checks.settings(judges.load_all())] == [verdict]


def test_defaults_are_in_nobodys_way() -> None:
    """Without any setting there is nothing to warn of."""
    assert list(checks.settings(judges.load_all())) == []
