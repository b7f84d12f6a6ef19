"""Metrics on their way to the backend: encoded as requests, with bad points left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricsData
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)

from vaquero import _log
from vaquero._guard import describe
from vaquero.pipeline.otlp.metrics import MetricsEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaquero.redaction import Redactor


class MetricsCodec:
    """Encodes collected metrics as ``ExportMetricsServiceRequest``.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
        dropped: Told how many points could not be encoded.
    """

    def __init__(self, redactor: Redactor | None, dropped: Callable[[int], None]) -> None:
        self._encoder = MetricsEncoder(redactor)
        self._dropped = dropped

    def encode(self, data: MetricsData) -> list[tuple[bytes, int]]:
        """Requests with their number of points; one, unless a point cannot be encoded."""
        if not data.resource_metrics:
            return []
        try:
            return [self._request(data)]
        except Exception as error:
            _log.warn(
                "metrics:encode",
                "A metric cannot be encoded and is left out (%s).",
                describe(error),
            )
        return list(self._one_by_one(data))

    def _one_by_one(self, data: MetricsData) -> Iterator[tuple[bytes, int]]:
        for part in _single_metrics(data):
            try:
                yield self._request(part)
            except Exception:
                self._dropped(_points(part))

    def _request(self, data: MetricsData) -> tuple[bytes, int]:
        return self._encoder.request(data), _points(data)


def _points(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def _single_metrics(data: MetricsData) -> Iterator[MetricsData]:
    """The same collection in pieces of one metric each."""
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                inner = _with(scope, metrics=[metric])
                yield MetricsData(resource_metrics=[_with(resource, scope_metrics=[inner])])


def _with(part: Any, **changes: Any) -> Any:
    """A copy of one of the SDK's frozen dataclasses."""
    return type(part)(**{**{name: getattr(part, name) for name in _fields(part)}, **changes})


def _fields(part: Any) -> tuple[str, ...]:
    return tuple(part.__dataclass_fields__)


def temporality(preference: str) -> dict[type, AggregationTemporality]:
    """The temporality of each instrument, by the OTLP exporter's specification.

    Args:
        preference: ``cumulative``, ``delta`` or ``lowmemory``; anything else means cumulative.
    """
    cumulative, delta = AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA
    chosen = dict.fromkeys(
        (
            Counter,
            UpDownCounter,
            Histogram,
            ObservableCounter,
            ObservableUpDownCounter,
            ObservableGauge,
        ),
        cumulative,
    )
    if preference in ("delta", "lowmemory"):
        chosen[Counter] = chosen[Histogram] = delta
    if preference == "delta":
        chosen[ObservableCounter] = delta
    return chosen  # type: ignore[return-value]


def aggregation(histogram: str) -> dict[type, Aggregation]:
    """How histograms are aggregated.

    Args:
        histogram: ``explicit_bucket_histogram`` or ``base2_exponential_bucket_histogram``.
    """
    if histogram == "base2_exponential_bucket_histogram":
        return {Histogram: ExponentialBucketHistogramAggregation()}
    return {Histogram: ExplicitBucketHistogramAggregation()}
