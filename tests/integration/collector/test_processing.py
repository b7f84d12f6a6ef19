"""What the Collector does to telemetry: counts it, samples it, masks it, leaves out noise."""

from __future__ import annotations

import math
import os
import urllib.request
from collections import Counter
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.otlp_client import post
from tests.support.waiting import wait_until

pytestmark = pytest.mark.collector
KEY = "s3cr3t"
SECRETS = {
    "bearer": "Bearer abcdefghijklmnopqrstuv",
    "card": "4111 1111 1111 1111",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "url": "postgresql://admin:hunter2@db/shop",
    "aws": "AKIAIOSFODNN7EXAMPLE",
}


def send(child: Any, signal: str, request: Any) -> int:
    """Send one request and return the status of the answer."""
    return post(child.http_url, signal, request)


def put(holder: Any, **values: str) -> None:
    """Add attributes to anything that has some."""
    for key, value in values.items():
        holder.attributes.add(key=key.replace("__", ".")).value.string_value = value


def traces(service: str = "shop") -> tuple[ExportTraceServiceRequest, Any]:
    """Return an empty request, and the list of spans in it."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    put(resource.resource, service__name=service)
    return request, resource.scope_spans.add().spans


def add_span(spans: Any, name: str, duration_s: float, **attributes: str) -> Span:
    """Add one span of a trace of its own."""
    span = spans.add(name=name, trace_id=os.urandom(16), span_id=os.urandom(8), kind=2)
    span.start_time_unix_nano = 1_790_000_000_000_000_000
    span.end_time_unix_nano = span.start_time_unix_nano + round(duration_s * 1e9)
    put(span, **attributes)
    return span


def values(metrics: list[Any], kind: str) -> dict[tuple[str, str], Any]:
    """Return the last point of a metric by name of the span and code of the status."""
    found: dict[tuple[str, str], Any] = {}
    for metric in metrics:
        for point in getattr(metric, kind).data_points:
            has = {item.key: item.value.string_value for item in point.attributes}
            key = (has.get("span.name", ""), has.get("status.code", has.get("exception.type", "")))
            found[key] = point
    return found


def requests_of_a_shop(count: int) -> tuple[ExportTraceServiceRequest, float]:
    """Return spans of which each tenth failed with an exception, and the sum of durations."""
    request, spans = traces()
    total_s = 0.0
    for number in range(count):
        duration_s = 0.001 * (number % 50 + 1)
        total_s += duration_s
        span = add_span(spans, "GET /items", duration_s, http__route="/items")
        if number % 10 == 0:
            span.status.code = 2
            put(span.events.add(name="exception"), exception__type="ValueError")
            span.events.add(name="retry")
    return request, total_s


@pytest.mark.parametrize(
    ("overlay", "percent"), [("sampling", "10"), ("tail_sampling", "10"), (None, None)]
)
def test_red_metrics_are_right_whatever_is_sampled(
    overlay: str | None, percent: str | None, backend: Any, collect: Any
) -> None:
    """Calls, errors, durations and exceptions count every span, while few are passed on."""
    env = {"VAQUERO_COLLECTOR_DECISION_WAIT": "1s"}
    if percent:
        env["VAQUERO_COLLECTOR_SAMPLE_PERCENT"] = percent
    # The share alone asks for `sampling`; `tail_sampling` has to be named.
    child = collect(backend.url, env=env, overlays=[overlay] if overlay == "tail_sampling" else [])
    assert child.plan().overlays == ((overlay,) if overlay else ())
    request, total_s = requests_of_a_shop(1000)
    assert send(child, "traces", request) == 200

    def counted() -> bool:
        calls = values(backend.metrics("traces.span.metrics.calls"), "sum")
        return sum(point.as_int for point in calls.values()) == 1000

    wait_until(counted, "the count of all calls")
    calls = values(backend.metrics("traces.span.metrics.calls"), "sum")
    assert calls["GET /items", "STATUS_CODE_ERROR"].as_int == 100
    assert calls["GET /items", "STATUS_CODE_UNSET"].as_int == 900
    durations = values(
        backend.metrics("traces.span.metrics.duration"), "exponential_histogram"
    ).values()
    assert sum(point.count for point in durations) == 1000
    assert math.isclose(sum(point.sum for point in durations), total_s, rel_tol=1e-9)
    wait_until(lambda: backend.metrics("exceptions.count"), "the count of exceptions")
    exceptions = values(backend.metrics("exceptions.count"), "sum")
    assert exceptions["", "ValueError"].as_int == 100
    assert backend.metrics("exceptions.count")[0].sum.aggregation_temporality == 2  # cumulative
    assert not backend.metrics("trace.span.count")
    wait_until(lambda: len(backend.spans) > 30, "the sampled spans")
    child.stop()
    passed_on = Counter(span.status.code for span in backend.spans)
    if overlay is None:
        assert passed_on == {0: 900, 2: 100}
    elif overlay == "tail_sampling":
        assert passed_on[2] == 100  # every error
        assert 30 < passed_on[0] < 200
    else:
        assert 40 < sum(passed_on.values()) < 200
        assert all("th:" in span.trace_state for span in backend.spans)


def test_secrets_do_not_get_through(backend: Any, collect: Any) -> None:
    """What looks like a secret is masked wherever it stands, but for the links of a span."""
    child = collect(backend.url)
    request, spans = traces()
    put(request.resource_spans[0].resource, api_key=KEY, **SECRETS)
    span = add_span(spans, "pay", 0.1, password=KEY, db__password=KEY, kept="visible", **SECRETS)
    put(span.events.add(name="exception"), authorization=KEY, exception__type="E", **SECRETS)
    span.status.code, span.status.message = 2, f"could not: {SECRETS['url']}"
    add_span(spans, f"call {SECRETS['bearer']}", 0.1)
    span.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 17
    assert send(child, "traces", request) == 200
    metrics = ExportMetricsServiceRequest()
    resource = metrics.resource_metrics.add()
    put(resource.resource, client_secret=KEY, **SECRETS)
    gauge = resource.scope_metrics.add().metrics.add(name="paid").gauge
    put(gauge.data_points.add(as_double=1.5), access_token=KEY, kept="visible", **SECRETS)
    assert send(child, "metrics", metrics) == 200
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    put(record, secret=KEY, kept="visible", **SECRETS)
    record.body.string_value = " and ".join(SECRETS.values())
    body = logs.resource_logs[0].scope_logs[0].log_records.add().body.kvlist_value
    for key, value in {"password": KEY, **SECRETS}.items():
        body.values.add(key=key).value.string_value = value
    assert send(child, "logs", logs) == 200
    wait_until(lambda: len(backend.spans) == 2 and len(backend.logs) == 2, "delivery")
    wait_until(lambda: backend.metrics("paid"), "delivery")
    wait_until(lambda: backend.metrics("traces.span.metrics.calls"), "RED metrics")
    child.stop()
    everything = b"".join(request.content for request in backend.requests)
    needles = {"key": KEY, **SECRETS, "url": "hunter2"}
    assert [name for name, secret in needles.items() if secret.encode() in everything] == []
    for places in (backend.spans[:1], backend.logs[:1]):
        assert {item.key: item.value.string_value for item in places[0].attributes}["kept"] == (
            "visible"
        )
    (point,) = backend.metrics("paid")[0].gauge.data_points
    assert point.as_double == 1.5
    has = {item.key: item.value for item in backend.spans[0].attributes}
    assert has["gen_ai.usage.input_tokens"].int_value == 17
    assert has["password"].string_value == "****"
    assert has["url"].string_value.startswith("postgresql")


def test_probes_are_left_out_unless_they_fail(backend: Any, collect: Any) -> None:
    """A successful health check is not passed on nor counted; a failing one is."""
    child = collect(backend.url)
    request, spans = traces()
    for path in ("/healthz", "/livez", "/metrics", "/ready", "/health-report"):
        add_span(spans, path, 0.001, url__path=path)
    add_span(spans, "/failing", 0.001, url__path="/healthz").status.code = 2
    assert send(child, "traces", request) == 200
    wait_until(lambda: backend.metrics("traces.span.metrics.calls"), "RED metrics")
    kept = {"/ready", "/health-report", "/failing"}
    wait_until(lambda: {span.name for span in backend.spans} == kept, "delivery")
    counted = values(backend.metrics("traces.span.metrics.calls"), "sum")
    assert {name for name, _code in counted} == kept


def test_long_values_are_cut(backend: Any, collect: Any) -> None:
    """A long value is cut between two characters; a stack trace may be longer."""
    child = collect(backend.url)
    request, spans = traces()
    span = add_span(spans, "long", 0.1, short="x", huge="ü" * 5000)
    put(span.events.add(name="exception"), exception__stacktrace="y" * 20000)
    assert send(child, "traces", request) == 200
    wait_until(lambda: backend.spans, "delivery")
    (span,) = backend.spans
    has = {item.key: item.value.string_value for item in span.attributes}
    assert has["short"] == "x"
    assert has["huge"] == "ü" * 2048  # 4096 bytes
    assert len(span.events[0].attributes[0].value.string_value) == 16384


def test_the_prometheus_page_has_every_metric(backend: Any, collect: Any) -> None:
    """The page for Prometheus shows what the application and the Collector measured."""
    from vaquero_collector.addresses import free_ports

    (port,) = free_ports("127.0.0.1", 1)
    env = {"VAQUERO_PROMETHEUS_ENDPOINT": f"127.0.0.1:{port}"}
    child = collect(backend.url, overlays=["prometheus"], env=env)
    request, _total_s = requests_of_a_shop(20)
    assert send(child, "traces", request) == 200

    def page() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    wait_until(lambda: "traces_span_metrics_duration_seconds_count" in page(), "RED metrics")
    assert "exceptions_count_total" in page()
    assert "traces_span_metrics_calls_total{" in page()
