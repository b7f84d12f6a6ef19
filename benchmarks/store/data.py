"""Telemetry to fill a store with: a shop of five services, as OTLP requests.

A trace is a request through a gateway to a service that asks the database; beside them there are
log records and metric points. Equal numbers give equal requests, so that two versions of the
viewer can be given the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

START_NS = 1_790_000_000 * 10**9
SPANS_A_TRACE = 8
SERVICES = ("gateway", "orders", "catalogue", "users", "billing")
ROUTES = tuple(f"/{part}/{{id}}/{verb}" for part in "abcde" for verb in ("get", "put", "list"))
TABLES = ("orders", "items", "users", "stock", "prices")


def trace_requests(
    traces: int, *, a_request: int = 64, seed: int = 1, within_s: int = 3600
) -> Iterator[bytes]:
    """Requests with ``traces`` traces of eight spans, spread over ``within_s`` seconds."""
    source = random.Random(seed)
    for first in range(0, traces, a_request):
        request = ExportTraceServiceRequest()
        lists = {service: _scope(request.resource_spans, "spans", service) for service in SERVICES}
        for number in range(first, min(traces, first + a_request)):
            start = START_NS + number * (within_s * 10**9 // traces)
            _trace(lists, number, start, source)
        yield request.SerializeToString()


def _trace(lists: dict[str, Any], number: int, start: int, source: random.Random) -> None:
    trace_id = (source.getrandbits(128) | 1).to_bytes(16, "big")
    service = SERVICES[1 + number % 4]
    route = ROUTES[number % len(ROUTES)]
    failed = source.random() < 0.02
    duration = int(source.lognormvariate(16.5, 0.8))

    def span(of: str, name: str, kind: int, parent: bytes, share: float, **attributes: Any) -> Any:
        made = lists[of].add(trace_id=trace_id, name=name, kind=kind, parent_span_id=parent)
        made.span_id = (source.getrandbits(64) | 1).to_bytes(8, "big")
        made.flags = 0x101
        made.start_time_unix_nano = start + int(duration * (1 - share) / 2)
        made.end_time_unix_nano = made.start_time_unix_nano + int(duration * share)
        for key, value in attributes.items():
            _put(made.attributes, key.replace("__", "."), value)
        return made

    http = {
        "http__request__method": "GET",
        "http__response__status_code": 500 if failed else 200,
        "url__scheme": "http",
        "network__protocol__version": "1.1",
        "user_agent__original": "python-httpx/0.28.1",
        "client__address": f"10.0.0.{number % 250}",
    }
    server = {"http__route": route, "url__path": route.replace("{id}", str(number)), **http}
    entry = span("gateway", f"GET {route}", 2, b"", 1.0, **server)
    out = span(
        "gateway", "GET", 3, entry.span_id, 0.95,
        server__address=service, server__port=8080, **http,
    )  # fmt: skip
    handler = span(service, f"GET {route}", 2, out.span_id, 0.9, **server)
    work = span(service, "handle", 1, handler.span_id, 0.85, code__function__name="shop.handle")
    for step in range(SPANS_A_TRACE - 4):
        table = TABLES[(number + step) % len(TABLES)]
        query = (
            f"SELECT {table}.id, {table}.name FROM {table} WHERE {table}.id = {number} "
            f"AND {table}.state IN (1, 2, {step})"
        )
        span(
            service, f"SELECT {table}", 3, work.span_id, 0.1 + step / 20,
            db__system__name="postgresql", db__namespace="shop", db__query__text=query,
            db__operation__name="SELECT", db__collection__name=table,
            server__address="db.internal", server__port=5432,
        )  # fmt: skip
    if failed:
        for made in (entry, out, handler, work):
            made.status.code, made.status.message = 2, "no stock"
        event = work.events.add(name="exception", time_unix_nano=start + duration)
        _put(event.attributes, "exception.type", "shop.errors.OutOfStock")
        _put(event.attributes, "exception.message", f"article {number}")
        _put(event.attributes, "exception.stacktrace", "Traceback: " + "shop/handle.py:12 " * 20)


def log_requests(records: int, *, a_request: int = 512, seed: int = 2) -> Iterator[bytes]:
    """Requests with ``records`` log records."""
    source = random.Random(seed)
    for first in range(0, records, a_request):
        request = ExportLogsServiceRequest()
        lists = {
            service: _scope(request.resource_logs, "log_records", service) for service in SERVICES
        }
        for number in range(first, min(records, first + a_request)):
            record = lists[SERVICES[number % 5]].add(
                time_unix_nano=START_NS + number * (3600 * 10**9 // records),
                severity_number=17 if number % 50 == 0 else 9,
                severity_text="ERROR" if number % 50 == 0 else "INFO",
                trace_id=(source.getrandbits(128) | 1).to_bytes(16, "big"),
                span_id=(source.getrandbits(64) | 1).to_bytes(8, "big"),
            )
            record.body.string_value = f"order {number} of user {number % 977} was accepted"
            _put(record.attributes, "code.function.name", "shop.orders.accept")
            _put(record.attributes, "app.order", number)
            if number % 50 == 0:
                _put(record.attributes, "exception.type", "ValueError")
                _put(record.attributes, "exception.stacktrace", "Traceback " * 30)
        yield request.SerializeToString()


def metric_requests(points: int, *, a_request: int = 500) -> Iterator[bytes]:
    """Requests with ``points`` metric points: gauges, sums and histograms in 500 series."""
    for turn in range((points + a_request - 1) // a_request):
        request = ExportMetricsServiceRequest()
        time_ns = START_NS + turn * 5 * 10**9
        count = min(a_request, points - turn * a_request)
        for index, service in enumerate(SERVICES):
            metrics = _scope(request.resource_metrics, "metrics", service)
            gauge = metrics.add(name="process.memory.utilization", unit="1").gauge.data_points
            requests = metrics.add(name="shop.requests", unit="{request}").sum
            requests.aggregation_temporality, requests.is_monotonic = 2, True
            duration = metrics.add(name="http.server.request.duration", unit="s").histogram
            duration.aggregation_temporality = 2
            for number in range(index, count, len(SERVICES)):
                if number % 4 < 2:
                    point = gauge.add(time_unix_nano=time_ns, as_double=(turn % 97) / (number + 97))
                elif number % 4 == 2:
                    point = requests.data_points.add(time_unix_nano=time_ns, as_int=turn * number)
                else:
                    point = duration.data_points.add(
                        time_unix_nano=time_ns, count=turn * 10, sum=turn * 0.5, min=0.001, max=2.0
                    )
                    point.explicit_bounds.extend((0.005, 0.01, 0.05, 0.1, 0.5, 1, 5))
                    point.bucket_counts.extend((turn, turn, turn * 2, turn * 3, turn, 0, 0, 0))
                _put(point.attributes, "http.route", f"{ROUTES[number % 15]}/{number}")
        yield request.SerializeToString()


def _scope(groups: Any, records: str, service: str) -> Any:
    group = groups.add()
    resource = {
        "service.name": service,
        "service.version": "1.4.2",
        "service.instance.id": f"{service}-1",
        "host.name": "host-1",
        "process.pid": 4711,
        "telemetry.sdk.language": "python",
    }
    for key, value in resource.items():
        _put(group.resource.attributes, key, value)
    scopes = {"spans": "scope_spans", "log_records": "scope_logs", "metrics": "scope_metrics"}
    of_scope = getattr(group, scopes[records]).add()
    of_scope.scope.name = f"{service}.instrumentation"
    return getattr(of_scope, records)


def _put(attributes: Any, key: str, value: Any) -> None:
    target = attributes.add(key=key).value
    if isinstance(value, str):
        target.string_value = value
    else:
        target.int_value = value
