"""Metric points of a request as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from vaquero_viewer.otlp.batch import MAX_NS, Batch
from vaquero_viewer.otlp.values import (
    RecordOrigin,
    add_resource,
    add_scope,
    canonical,
    hash64,
    json_text,
    mapping,
    number,
)

_NO_RECORDED_VALUE = 1
_Point = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint


class _Values(NamedTuple):
    """The part of a point's row that depends on the kind of metric."""

    value: float | None = None
    value_int: int | None = None
    observations: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    detail: str | None = None


def read_metrics(request: ExportMetricsServiceRequest, received_ns: int) -> Batch:
    """Rows of every storable point and of its series; the others are counted with their reason.

    A series is a resource, a scope, a name with its unit and kind, and one set of attributes;
    a point is a series and a time.

    Args:
        request: The decoded request.
        received_ns: When it arrived, nanoseconds since the epoch.
    """
    batch = Batch(received_ns)
    for of_resource in request.resource_metrics:
        origin = add_resource(batch, of_resource.resource, of_resource.schema_url)
        for of_scope in of_resource.scope_metrics:
            scope_id = add_scope(batch, of_scope.scope, of_scope.schema_url)
            for metric in of_scope.metrics:
                _add_metric(batch, metric, origin, scope_id)
    return batch


def _add_metric(batch: Batch, metric: Metric, origin: RecordOrigin, scope_id: int) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        batch.reject("a metric holds no data, or of a kind that is not known here")
        return
    if not metric.name:
        batch.reject("a metric has no name", len(getattr(metric, kind).data_points))
        return
    data = getattr(metric, kind)
    temporality = int(getattr(data, "aggregation_temporality", 0)) % 256
    monotonic = bool(getattr(data, "is_monotonic", False))
    points: Iterable[_Point] = data.data_points
    resource_id = origin.resource_id
    head = (resource_id, scope_id, metric.name, metric.unit, kind, temporality, monotonic)
    for point in points:
        if not 0 < point.time_unix_nano <= MAX_NS or point.start_time_unix_nano > MAX_NS:
            batch.reject("a metric point has no time, or one beyond the year 2262")
            continue
        attributes = canonical(mapping(point.attributes))
        series_id = hash64(*head, attributes)
        if series_id not in batch.series:
            batch.series[series_id] = (
                series_id,
                *head,
                metric.description,
                origin.service,
                attributes,
                batch.received_ns,
                origin.run_id,
            )
        _add_point(batch, series_id, point)


def _add_point(batch: Batch, series_id: int, point: _Point) -> None:
    key = (series_id, point.time_unix_nano)
    if key in batch.points:
        batch.repeated += 1
        return
    values = _Values() if point.flags & _NO_RECORDED_VALUE else _values(point)
    exemplars = [] if isinstance(point, SummaryDataPoint) else list(point.exemplars)
    batch.points[key] = (
        series_id,
        point.time_unix_nano,
        point.start_time_unix_nano or None,
        *values,
        json_text([_exemplar(item) for item in exemplars]) if exemplars else None,
        point.flags,
        batch.received_ns,
    )


def _values(point: _Point) -> _Values:
    if isinstance(point, NumberDataPoint):
        return _number_values(point)
    if isinstance(point, SummaryDataPoint):
        detail = {"quantiles": [[q.quantile, number(q.value)] for q in point.quantile_values]}
        return _Values(observations=point.count, sum=point.sum, detail=json_text(detail))
    if isinstance(point, HistogramDataPoint):
        detail = {
            "bounds": [number(bound) for bound in point.explicit_bounds],
            "counts": list(point.bucket_counts),
        }
    else:
        detail = {
            "scale": point.scale,
            "zero_count": point.zero_count,
            "zero_threshold": number(point.zero_threshold),
            "positive": _buckets(point.positive),
            "negative": _buckets(point.negative),
        }
    return _Values(
        observations=point.count,
        sum=point.sum if point.HasField("sum") else None,
        min=point.min if point.HasField("min") else None,
        max=point.max if point.HasField("max") else None,
        detail=json_text(detail),
    )


def _number_values(point: NumberDataPoint) -> _Values:
    kind = point.WhichOneof("value")
    if kind == "as_int":
        # Kept twice: a double cannot hold each 64-bit integer, and queries want one column.
        return _Values(value=float(point.as_int), value_int=point.as_int)
    if kind == "as_double":
        return _Values(value=point.as_double)
    return _Values()


def _buckets(buckets: ExponentialHistogramDataPoint.Buckets) -> dict[str, Any]:
    return {"offset": buckets.offset, "counts": list(buckets.bucket_counts)}


def _exemplar(exemplar: Exemplar) -> dict[str, Any]:
    kind = exemplar.WhichOneof("value")
    value = exemplar.as_int if kind == "as_int" else number(exemplar.as_double)
    return {
        "time_ns": exemplar.time_unix_nano,
        "value": value if kind is not None else None,
        "trace_id": exemplar.trace_id.hex(),
        "span_id": exemplar.span_id.hex(),
        "attributes": mapping(exemplar.filtered_attributes),
    }
