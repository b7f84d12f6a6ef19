"""What the tests of the viewer share: a running viewer, a client, and makers of OTLP."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from vaquero_viewer import Viewer

NOW = 1_700_000_000_000_000_000
PROTOBUF = "application/x-protobuf"


@dataclass
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    json: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.headers.get("content-type", "").startswith("application/json"):
            self.json = json.loads(self.body)

    @property
    def reason(self) -> str:
        """Text of the google.rpc.Status in the body, protobuf or JSON."""
        if self.json is not None:
            return self.json["message"]
        assert self.body[:1] == b"\x08", self.body
        return self.body[3:].decode("utf-8", "replace").lstrip("\x01\x02")


class Client:
    """Talks to a running viewer, each request on a connection of its own."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        web: bool = False,
    ) -> Reply:
        port = self.viewer.web_port if web else self.viewer.otlp_port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            names = {key.lower(): value for key, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def post(self, path: str, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Reply:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.request("POST", path, body, {"content-type": content_type, **names})

    def send(self, message: Any) -> Reply:
        """Send an OTLP message where its kind belongs, and demand that it is taken."""
        kind = type(message).__name__
        path = next(path for word, path in PATHS.items() if word in kind)
        reply = self.post(path, message.SerializeToString())
        assert reply.status == 200, reply.reason
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        """Ask the web port."""
        return self.request("GET", path, headers=headers, web=True)


PATHS = {"Trace": "/v1/traces", "Metrics": "/v1/metrics", "Logs": "/v1/logs"}


def set_attributes(owner: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        _set(owner.attributes.add(key=key).value, value)


def _set(target: Any, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            _set(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        for key, item in value.items():
            _set(target.kvlist_value.values.add(key=key).value, item)


def _scope(group: str, request: Any, service: str, resource: dict[str, Any]) -> Any:
    """The one scope group of a request, with its resource filled in."""
    of_resource = getattr(request, f"resource_{group}").add()
    set_attributes(of_resource.resource, {"service.name": service, **resource})
    of_scope = getattr(of_resource, f"scope_{group}").add()
    of_scope.scope.name = "test"
    return of_scope


def span_request(*spans: dict[str, Any], service: str = "shop", **resource: Any) -> Any:
    """A request with spans; each given as ids (numbers), name, start and duration in ms, ..."""
    request = trace_service_pb2.ExportTraceServiceRequest()
    of_scope = _scope("spans", request, service, resource)
    for given in spans:
        span = of_scope.spans.add()
        span.trace_id = given.get("trace", 1).to_bytes(16, "big")
        span.span_id = given.get("id", 1).to_bytes(8, "big")
        if given.get("parent"):
            span.parent_span_id = given["parent"].to_bytes(8, "big")
        span.name = given.get("name", "work")
        span.kind = given.get("kind", 1)
        span.start_time_unix_nano = NOW + int(given.get("start_ms", 0) * 1e6)
        duration = int(given.get("ms", 1) * 1e6)
        span.end_time_unix_nano = span.start_time_unix_nano + duration
        span.status.code = given.get("status", 0)
        set_attributes(span, given.get("attributes", {}))
    return request


def gauge_request(
    name: str, *points: tuple[int, float], unit: str = "1", service: str = "shop", **attributes: Any
) -> Any:
    """A request with one gauge; points are (seconds, value)."""
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    metric = _scope("metrics", request, service, {}).metrics.add(name=name, unit=unit)
    for seconds, value in points:
        point = metric.gauge.data_points.add(as_double=value)
        point.time_unix_nano = NOW + seconds * 10**9
        set_attributes(point, attributes)
    return request


def log_request(*bodies: str, service: str = "shop", severity: int = 9) -> Any:
    """A request with log records of these bodies, all of one time."""
    request = logs_service_pb2.ExportLogsServiceRequest()
    of_scope = _scope("logs", request, service, {})
    for body in bodies:
        record = of_scope.log_records.add(time_unix_nano=NOW, severity_number=severity)
        record.body.string_value = body
    return request


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Makers of OTLP requests."""
    return SimpleNamespace(
        spans=span_request,
        gauge=gauge_request,
        logs=log_request,
        attributes=set_attributes,
        scope=_scope,
        now=NOW,
    )


@pytest.fixture(scope="session")
def running() -> Iterator[Viewer]:
    """A viewer on free ports that keeps its data in memory, for all tests."""
    with Viewer(None, otlp_port=0, web_port=0) as running:
        yield running


@pytest.fixture
def viewer(running: Viewer) -> Viewer:
    """That viewer, emptied."""
    running.store.clear()
    return running


@pytest.fixture
def client(viewer: Viewer) -> Client:
    """A client of that viewer."""
    return Client(viewer)


@pytest.fixture(scope="session")
def connect() -> type[Client]:
    """Makes a client of another viewer."""
    return Client


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a database file, in a folder that is not there yet."""
    return tmp_path / "state" / "viewer.duckdb"


@pytest.fixture
def zipped() -> Any:
    """Compresses with gzip."""
    return gzip.compress
