"""The encoder of metrics makes what the SDK's encoder makes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from vaquero.pipeline.otlp.metrics import MetricsEncoder
from vaquero.redaction import Redactor

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False, width=32)
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
ATTRIBUTES = st.dictionaries(
    TEXTS.filter(bool),
    st.one_of(TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)),
    max_size=3,
)


def _collect(fill: Any, **settings: Any) -> Any:
    reader = InMemoryMetricReader(**settings)
    provider = MeterProvider(
        [reader],
        resource=Resource({"service.name": "s", "n": 1}, "https://example.org/schema"),
        exemplar_filter=AlwaysOnExemplarFilter(),
        shutdown_on_exit=False,
    )
    fill(provider.get_meter("scope", "1.0", "https://example.org/scope", {"a": "b"}))
    data = reader.get_metrics_data()
    provider.shutdown()
    return data


def _assert_equal(data: Any) -> None:
    ours = ExportMetricsServiceRequest()
    ours.ParseFromString(MetricsEncoder(None).request(data))
    assert ours == encode_metrics(data)


@given(st.lists(st.tuples(NUMBERS, ATTRIBUTES), min_size=1, max_size=4))
def test_sums_and_gauges_are_equal(values: list[tuple[float, dict[str, Any]]]) -> None:
    """Counters, up-down counters and gauges, of ints and floats, with any attributes."""

    def fill(meter: Any) -> None:
        counter = meter.create_counter("c", "{x}", "counts")
        level = meter.create_up_down_counter("u")
        gauge = meter.create_gauge("g", "1")
        for value, attributes in values:
            counter.add(min(abs(value), 2**40), attributes)
            level.add(max(min(value, 2**40), -(2**40)), attributes)
            gauge.set(value, attributes)

        def observe(_: CallbackOptions) -> list[Observation]:
            return [Observation(value, attributes) for value, attributes in values]

        meter.create_observable_gauge("og", [observe], "By", "observed")

    _assert_equal(_collect(fill))


@pytest.mark.parametrize("exponential", [False, True])
@given(values=st.lists(st.floats(0, 1e9, allow_nan=False), min_size=1, max_size=12))
def test_histograms_are_equal(exponential: bool, values: list[float]) -> None:
    """Buckets, bounds, offsets, scale, smallest and largest value, exemplars."""

    def fill(meter: Any) -> None:
        histogram = meter.create_histogram("h", "s")
        with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("x"):
            for value in values:
                histogram.record(value, {"k": "v"})

    preferred = {Histogram: ExponentialBucketHistogramAggregation()} if exponential else None
    _assert_equal(_collect(fill, preferred_aggregation=preferred))


def test_delta_temporality_is_written() -> None:
    """The temporality of the collection is that of the request."""

    def fill(meter: Any) -> None:
        meter.create_counter("c").add(1)

    _assert_equal(_collect(fill, preferred_temporality={Counter: AggregationTemporality.DELTA}))


def test_secrets_in_attributes_are_redacted() -> None:
    """A metric must not carry what a span may not."""

    def fill(meter: Any) -> None:
        meter.create_counter("c").add(1, {"password": "hunter2", "route": "/pay"})

    body = MetricsEncoder(Redactor()).request(_collect(fill))

    assert b"hunter2" not in body
    assert b"/pay" in body


def test_an_int_beyond_64_bits_becomes_a_float() -> None:
    """No number loses the collection it is in."""

    def fill(meter: Any) -> None:
        meter.create_gauge("g").set(2**70)

    message = ExportMetricsServiceRequest()
    message.ParseFromString(MetricsEncoder(None).request(_collect(fill)))

    (metric,) = message.resource_metrics[0].scope_metrics[0].metrics
    assert metric.gauge.data_points[0].as_double == float(2**70)
