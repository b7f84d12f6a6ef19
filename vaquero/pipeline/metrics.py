"""Metrics in OTLP: the SDK's own encoder, with redaction, and with bad points left out.

Collections are few, so the encoder of ``opentelemetry-exporter-otlp-proto-common`` is fast enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
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
from vaquero.redaction import Redactor, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Which field of ``AnyValue`` holds text.
_TEXT = "string_value"


class MetricsCodec:
    """Encodes collected metrics as ``ExportMetricsServiceRequest``.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
        dropped: Told how many points could not be encoded.
    """

    def __init__(self, redactor: Redactor | None, dropped: Callable[[int], None]) -> None:
        self._redactor = redactor if redactor is not None and redactor.enabled else None
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
        message: Any = encode_metrics(data)
        if self._redactor is not None:
            self._redact(message, self._redactor)
        return message.SerializeToString(), _points(data)

    def _redact(self, message: Any, redactor: Redactor) -> None:
        for group in message.resource_metrics:
            _clean(group.resource.attributes, redactor)
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    kind = metric.WhichOneof("data")
                    for point in getattr(metric, kind).data_points if kind else ():
                        _clean(point.attributes, redactor)


def _clean(attributes: Iterable[Any], redactor: Redactor) -> None:
    for pair in attributes:
        rule = redactor.rule(pair.key)
        kind = pair.value.WhichOneof("value")
        if kind == _TEXT:
            clean = redactor.clean(rule, pair.value.string_value)
            if clean is not pair.value.string_value:
                pair.value.string_value = clean
        elif rule is Rule.SECRET and kind is not None:
            pair.value.string_value = redactor.clean(rule, "")
        elif kind == "array_value":
            for item in pair.value.array_value.values:
                if item.WhichOneof("value") == _TEXT:
                    item.string_value = redactor.clean(rule, item.string_value)


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
