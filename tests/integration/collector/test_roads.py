"""Every road into the Collector and out of it, compared field by field."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.collector


def exporters(road: str, child: Any, tls: Path) -> tuple[Any, Any, Any]:
    """Return exporters of the SDK for traces, metrics and logs, over one road."""
    if road.startswith("grpc"):
        options: dict[str, Any] = {"endpoint": child.grpc_url, "timeout": 10}
        options["compression"] = grpc.Compression.Gzip if "gzip" in road else None
        if "tls" in road:
            files = ("ca.pem", "client.key", "client.pem") if "mtls" in road else ("ca.pem",)
            parts = [(tls / name).read_bytes() for name in files]
            options["credentials"] = grpc.ssl_channel_credentials(*parts)
        else:
            options["insecure"] = True
        modules = (
            grpc_traces.OTLPSpanExporter,
            grpc_metrics.OTLPMetricExporter,
            grpc_logs.OTLPLogExporter,
        )
        return tuple(exporter(**options) for exporter in modules)  # type: ignore[return-value]
    options = {"timeout": 10}
    options["compression"] = Compression.Gzip if "gzip" in road else Compression.NoCompression
    if "tls" in road:
        options["certificate_file"] = str(tls / "ca.pem")
    if "mtls" in road:
        options["client_certificate_file"] = str(tls / "client.pem")
        options["client_key_file"] = str(tls / "client.key")
    return (
        http_traces.OTLPSpanExporter(f"{child.http_url}/v1/traces", **options),
        http_metrics.OTLPMetricExporter(f"{child.http_url}/v1/metrics", **options),
        http_logs.OTLPLogExporter(f"{child.http_url}/v1/logs", **options),
    )


def tls_settings(road: str, tls: Path) -> dict[str, str]:
    """Return the variables of the overlay `tls` for a road."""
    if "tls" not in road:
        return {}
    settings = {"CERT_FILE": tls / "server.pem", "KEY_FILE": tls / "server.key"}
    if "mtls" in road:
        settings["CLIENT_CA_FILE"] = tls / "ca.pem"
    return {f"VAQUERO_COLLECTOR_TLS_{name}": str(path) for name, path in settings.items()}


def own_metrics(requests: list[Any]) -> Any:
    """Return the metrics of the application, without those that the Collector derives."""
    found = [
        resource
        for request in requests
        for resource in request.resource_metrics
        if resource.scope_metrics[0].scope.name == "roads"
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "road", ["http", "http gzip", "http tls", "http mtls gzip", "grpc", "grpc gzip", "grpc mtls"]
)
def test_every_road_delivers_every_field(
    road: str, backend: Any, collect: Any, certificates: Path,
    telemetry: Any, tmp_path: Path,
) -> None:  # fmt: skip
    """Spans, metrics and logs come out at the backend and in the file as the SDK encoded them."""
    file = tmp_path / "out.jsonl"
    child = collect(
        backend.url,
        overlays=["file", "tls"] if "tls" in road else ["file"],
        env={"VAQUERO_COLLECTOR_FILE": str(file), **tls_settings(road, certificates)},
    )
    assert child.http_url.startswith("https" if "tls" in road else "http:")
    spans, metrics, logs = telemetry
    to_traces, to_metrics, to_logs = exporters(road, child, certificates)
    assert to_traces.export(spans).name == "SUCCESS"
    assert to_metrics.export(metrics).name == "SUCCESS"
    assert to_logs.export(logs).name == "SUCCESS"
    for exporter in (to_traces, to_metrics, to_logs):
        exporter.shutdown()
    wait_until(lambda: backend.spans and backend.logs and backend.metrics("took"), "delivery")
    sent = encode_spans(spans)
    (received,) = backend.messages("traces")
    assert received.resource_spans == sent.resource_spans
    (received_logs,) = backend.messages("logs")
    assert received_logs.resource_logs == encode_logs(logs).resource_logs
    wanted = encode_metrics(metrics).resource_metrics[0]
    assert own_metrics(backend.messages("metrics")) == wanted
    wait_until(lambda: file.exists() and "resourceSpans" in file.read_text(), "the file")
    assert from_file(file).resource_spans == sent.resource_spans


def from_file(path: Path) -> ExportTraceServiceRequest:
    """Return the request of traces in a file of OTLP as JSON, where identifiers are in hex."""

    def as_protobuf_has_it(value: Any) -> Any:
        if isinstance(value, list):
            return [as_protobuf_has_it(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: b64encode(bytes.fromhex(below)).decode()
            if key in ("traceId", "spanId", "parentSpanId")
            else as_protobuf_has_it(below)
            for key, below in value.items()
        }

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    (found,) = (line for line in lines if "resourceSpans" in line)
    return ParseDict(as_protobuf_has_it(found), ExportTraceServiceRequest())


def test_a_sender_without_a_certificate_is_refused(
    backend: Any, collect: Any, certificates: Path
) -> None:
    """With a CA for clients, a sender without a certificate does not get in."""
    child = collect(backend.url, overlays=["tls"], env=tls_settings("mtls", certificates))
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    request = urllib.request.Request(f"{child.http_url}/v1/traces", data=b"", method="POST")
    request.add_header("Content-Type", "application/x-protobuf")
    with pytest.raises((urllib.error.URLError, OSError)):
        urllib.request.urlopen(request, context=context, timeout=5)
    context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    with urllib.request.urlopen(request, context=context, timeout=5) as answer:
        assert answer.status == 200


def test_a_backend_gets_headers_over_tls(
    open_backend: Any, collect: Any, certificates: Path, telemetry: Any
) -> None:
    """Headers and a CA of one's own serve for all that is sent, own metrics included."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    backend = open_backend(tls=context)
    child = collect(
        backend.url,
        overlays=["self_metrics"],
        env={
            "VAQUERO_OTLP_HEADERS": "api-key=k-123,x-team=one%2C%20two",
            "VAQUERO_OTLP_CA_FILE": str(certificates / "ca.pem"),
            "VAQUERO_COLLECTOR_SELF_INTERVAL_MS": "200",
        },
    )
    assert "backend" in child.plan().overlays
    spans, _metrics, _logs = telemetry
    http_traces.OTLPSpanExporter(f"{child.http_url}/v1/traces").export(spans)
    wait_until(lambda: backend.spans, "delivery")
    wait_until(lambda: backend.metrics("otelcol_process_uptime"), "own metrics")
    for request in backend.requests:
        assert request.headers["api-key"] == "k-123"
        assert request.headers["x-team"] == "one, two"
    assert "k-123" not in child.plan().log.read_text()


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:5173", True),
        ("http://127.0.0.1:80", True),
        ("http://evil.example", False),
    ],
)
def test_only_pages_of_this_machine_may_send(
    origin: str, allowed: bool, backend: Any, collect: Any
) -> None:
    """A browser is told that local pages may send, and that others may not."""
    child = collect(backend.url)
    request = urllib.request.Request(f"{child.http_url}/v1/traces", method="OPTIONS")
    for name, value in (
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ):
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed
