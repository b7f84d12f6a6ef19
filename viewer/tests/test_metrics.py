"""Metrics on their way into the store."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2


@pytest.fixture
def metrics(make):
    """An empty request and the list of its metrics."""
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    return request, make.scope("metrics", request, "shop", {}).metrics


def test_newest_value_of_each_series(client, viewer, make):
    """gauges() has the last value by time, with unit and attributes, one row a series."""
    client.send(make.gauge("cpu", (2, 0.2), (1, 0.1), mode="user"))
    client.send(make.gauge("cpu", (1, 0.7), mode="idle"))

    rows = {row.series.attributes["mode"]: row for row in viewer.store.gauges()}
    assert {mode: row.value for mode, row in rows.items()} == {"user": 0.2, "idle": 0.7}
    assert rows["user"].series.unit == "1"
    assert rows["user"].time_ns == make.now + 2 * 10**9


def test_repeated_points_are_one(client, viewer, make):
    """The same series at the same time is one point, in one request and across requests."""
    request = make.gauge("cpu", (1, 0.1), (1, 0.1), (2, 0.2))
    client.send(request)
    client.send(request)

    counts = viewer.store.counts()
    assert (counts.metric_points, counts.metric_series, counts.repeated) == (2, 1, 4)


def test_every_kind_of_metric_arrives(client, viewer, make, metrics):
    """Sum, histogram, exponential histogram and summary keep their values and their shape."""
    request, of = metrics
    total = of.add(name="sum", unit="By").sum
    total.is_monotonic, total.aggregation_temporality = True, 2
    total.data_points.add(as_int=2**62, time_unix_nano=make.now)
    histogram = of.add(name="histogram", unit="s").histogram
    histogram.aggregation_temporality = 1
    point = histogram.data_points.add(count=3, sum=6.0, min=1.0, time_unix_nano=make.now)
    point.explicit_bounds.extend([1.0, 5.0])
    point.bucket_counts.extend([1, 2, 0])
    point.exemplars.add(as_double=1.5, trace_id=b"\1" * 16, span_id=b"\2" * 8, time_unix_nano=5)
    exponential = of.add(name="exponential").exponential_histogram
    point = exponential.data_points.add(count=2, scale=3, zero_count=1, time_unix_nano=make.now)
    point.positive.offset = -4
    point.positive.bucket_counts.extend([0, 1])
    quantile = of.add(name="summary").summary.data_points.add(count=9, sum=1.0)
    quantile.time_unix_nano = make.now
    quantile.quantile_values.add(quantile=0.5, value=2.0)

    client.send(request)

    found = {name: viewer.store.points(name)[0] for name in
             ("sum", "histogram", "exponential", "summary")}  # fmt: skip
    series, (point,) = found["sum"]
    assert (series.kind, series.monotonic, series.temporality) == ("sum", True, "cumulative")
    assert point.value == 2**62
    series, (point,) = found["histogram"]
    assert (series.temporality, point.count, point.sum, point.min, point.max) == (
        "delta", 3, 6.0, 1.0, None)  # fmt: skip
    assert point.detail == {"bounds": [1.0, 5.0], "counts": [1, 2, 0]}
    assert point.exemplars[0]["trace_id"] == "01" * 16
    series, (point,) = found["exponential"]
    assert (series.kind, point.detail["scale"]) == ("exponential_histogram", 3)
    assert point.detail["positive"] == {"offset": -4, "counts": [0, 1]}
    assert found["summary"][1][0].detail == {"quantiles": [[0.5, 2.0]]}


def test_bad_points_are_refused_and_the_others_kept(client, viewer, make, metrics):
    """A metric without data or name and a point without time are counted, the rest is stored."""
    request, of = metrics
    of.add(name="empty")
    of.add().gauge.data_points.add(as_double=1, time_unix_nano=make.now)
    of.add(name="timeless").gauge.data_points.add(as_double=1)
    of.add(name="good").gauge.data_points.add(as_double=1, time_unix_nano=make.now)

    reply = client.send(request)

    answer = metrics_service_pb2.ExportMetricsServiceResponse.FromString(reply.body)
    assert answer.partial_success.rejected_data_points == 3
    assert [row.series.name for row in viewer.store.gauges()] == ["good"]


def test_points_without_a_number_show_no_value(client, viewer, make):
    """NaN is stored, and is not the newest value of a gauge."""
    client.send(make.gauge("cpu", (1, 0.5), (2, float("nan"))))

    (row,) = viewer.store.gauges()
    assert row.value == 0.5
    assert viewer.store.counts().metric_points == 2


def test_history_is_that_of_the_last_seconds(client, viewer, make):
    """gauges(history_s=) brings the points before the newest one, in the order of time."""
    client.send(make.gauge("cpu", (0, 0.1), (100, 0.2), (103, 0.3)))

    (row,) = viewer.store.gauges(history_s=10)
    assert [value for _, value in row.history] == [0.2, 0.3]
