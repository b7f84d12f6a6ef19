"""The names of the Collector's metrics on the dashboards are those that a running one sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp_client import post
from tests.support.waiting import wait_until

pytestmark = pytest.mark.collector
ROOT = Path(__file__).resolve().parents[3]
# Sent only once something was refused for good.
ONLY_AFTER_A_FAILURE = {"otelcol_exporter_send_failed_spans"}


def test_the_collector_emits_what_the_dashboards_show(backend: Any, collect: Any) -> None:
    """Each metric of the Collector in the table arrives, with the kind and unit of the table."""
    child = collect(
        backend.url,
        overlays=["self_metrics"],
        env={"VAQUERO_COLLECTOR_SELF_INTERVAL_MS": "200"},
    )
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    span = resource.scope_spans.add().spans.add(name="x", kind=2)
    span.trace_id, span.span_id = b"1" * 16, b"1" * 8
    event = span.events.add(name="exception")
    event.attributes.add(key="exception.type").value.string_value = "ValueError"
    assert post(child.http_url, "traces", request) == 200
    table = yaml.safe_load((ROOT / "deploy/observability.yaml").read_text())["metrics"]
    own = {
        name: tuple(row)
        for name, row in table.items()
        if name.startswith(("traces.", "exceptions.", "otelcol_"))
    }
    assert len(own) > 8
    wanted = set(own) - ONLY_AFTER_A_FAILURE
    wait_until(lambda: all(backend.metrics(name) for name in wanted), "every metric")
    for name in sorted(wanted):
        metric = backend.metrics(name)[-1]
        shape = metric.WhichOneof("data")
        kind = {"gauge": "gauge", "exponential_histogram": "histogram"}.get(shape)
        if shape == "sum":
            kind = "counter" if metric.sum.is_monotonic else "updowncounter"
        assert (kind, metric.unit) == own[name], name
