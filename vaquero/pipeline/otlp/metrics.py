"""Collected metrics in OTLP's wire format, written by hand.

The SDK's encoder would load protobuf into every process that has gauges, a fifth of what a start
costs. The layout is that of ``opentelemetry/proto/metrics/v1/metrics.proto``; what is written is
what the SDK's encoder makes of the same collection (tests compare them), with secrets redacted.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    Sum,
)

from vaquero.pipeline.otlp.attributes import AttributeEncoder, RedactedPaths
from vaquero.pipeline.otlp.foreign_spans import origin_of
from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.numbers import time_of
from vaquero.pipeline.otlp.resource import ResourceEncoder
from vaquero.pipeline.otlp.text import cut_text, utf8, wire_text
from vaquero.pipeline.otlp.wire import (
    FIXED64,
    VARINT,
    delimited,
    optional,
    pack_double,
    pack_fixed64,
    tag,
    varint,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaquero.redaction import Redactor

_LIMITS = ValueLimits()
_MAX_TEXT = 1024
_SFIXED64 = struct.Struct("<q").pack
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1

#: Field numbers of ``Metric`` for each kind of data.
_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL = 5, 7, 9, 10


class MetricsEncoder:
    """Encodes what the SDK collected as ``ExportMetricsServiceRequest``.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
    """

    def __init__(self, redactor: Redactor | None) -> None:
        self._resources = ResourceEncoder(redactor)
        self._of_numbers = AttributeEncoder(7, redactor, _LIMITS)
        self._of_histograms = AttributeEncoder(9, redactor, _LIMITS)
        self._of_exponentials = AttributeEncoder(1, redactor, _LIMITS)

    def request(self, data: Any) -> bytes:
        """The request's bytes.

        Args:
            data: ``MetricsData`` of the SDK.

        Raises:
            Exception: Where a number is none, or a time cannot be one.
        """
        return b"".join(delimited(1, self._resource(group)) for group in data.resource_metrics)

    def _resource(self, group: Any) -> bytes:
        resource, _ = self._resources.encode(origin_of(group.resource, None))
        out = [resource]
        for scope in group.scope_metrics:
            _, head = self._resources.encode(origin_of(group.resource, scope.scope))
            inner = [head]
            inner += [delimited(2, self._metric(metric)) for metric in scope.metrics]
            out.append(delimited(2, b"".join(inner)))
        return b"".join(out)

    def _metric(self, metric: Any) -> bytes:
        head = (
            optional(1, _text(metric.name))
            + optional(2, _text(metric.description))
            + optional(3, _text(metric.unit))
        )
        return head + self._data(metric.data)

    def _data(self, data: Any) -> bytes:
        if isinstance(data, Gauge):
            points = [self._number(point, starts=False) for point in data.data_points]
            return delimited(_GAUGE, _all(points))
        temporality = tag(2, VARINT) + varint(int(data.aggregation_temporality))
        if isinstance(data, Sum):
            points = [self._number(point, starts=True) for point in data.data_points]
            monotonic = tag(3, VARINT) + b"\x01" if data.is_monotonic else b""
            return delimited(_SUM, _all(points) + temporality + monotonic)
        if isinstance(data, Histogram):
            points = [self._histogram(point) for point in data.data_points]
            return delimited(_HISTOGRAM, _all(points) + temporality)
        if isinstance(data, ExponentialHistogram):
            points = [self._exponential(point) for point in data.data_points]
            return delimited(_EXPONENTIAL, _all(points) + temporality)
        raise TypeError(f"{type(data).__name__} is no kind of metric that OTLP has")

    def _number(self, point: Any, *, starts: bool) -> bytes:
        out = [
            _time(2, point.start_time_unix_nano) if starts else b"",
            _time(3, point.time_unix_nano),
        ]
        out += self._attributes(self._of_numbers, point.attributes)
        out.append(_value(point.value, as_double=4, as_int=6))
        out += self._exemplars(5, point)
        return b"".join(out)

    def _histogram(self, point: Any) -> bytes:
        out = [
            _time(2, point.start_time_unix_nano),
            _time(3, point.time_unix_nano),
            _fixed(4, point.count),
            _double(5, point.sum),
            _packed(6, (pack_fixed64(count) for count in point.bucket_counts)),
            _packed(7, (pack_double(bound) for bound in point.explicit_bounds)),
        ]
        out += self._exemplars(8, point)
        out += self._attributes(self._of_histograms, point.attributes)
        out += [_double(11, point.min), _double(12, point.max)]
        return b"".join(out)

    def _exponential(self, point: Any) -> bytes:
        out = self._attributes(self._of_exponentials, point.attributes)
        out += [
            _time(2, point.start_time_unix_nano),
            _time(3, point.time_unix_nano),
            _fixed(4, point.count),
            _double(5, point.sum),
            _signed(6, point.scale),
            _fixed(7, point.zero_count),
            _buckets(8, point.positive),
            _buckets(9, point.negative),
            tag(10, VARINT) + varint(point.flags) if point.flags else b"",
        ]
        out += self._exemplars(11, point)
        out += [_double(12, point.min), _double(13, point.max)]
        return b"".join(out)

    def _exemplars(self, field: int, point: Any) -> list[bytes]:
        return [delimited(field, self._exemplar(found)) for found in point.exemplars or ()]

    def _exemplar(self, exemplar: Any) -> bytes:
        out = [_time(2, exemplar.time_unix_nano), _value(exemplar.value, as_double=3, as_int=6)]
        if exemplar.span_id is not None and exemplar.trace_id is not None:
            out.append(delimited(4, exemplar.span_id.to_bytes(8, "big")))
            out.append(delimited(5, exemplar.trace_id.to_bytes(16, "big")))
        out += self._attributes(self._of_numbers, exemplar.filtered_attributes)
        return b"".join(out)

    def _attributes(self, encoder: AttributeEncoder, attributes: Any) -> list[bytes]:
        out: list[bytes] = []
        if attributes:
            encoder.write(dict(attributes), out, RedactedPaths(), _LIMITS.attributes)
        return out


def _all(points: Iterable[bytes]) -> bytes:
    return b"".join(delimited(1, point) for point in points)


def _text(value: Any) -> bytes:
    return utf8(cut_text(wire_text(value), _MAX_TEXT))


def _time(field: int, time_ns: Any) -> bytes:
    return _fixed(field, time_of(time_ns) if time_ns is not None else 0)


def _fixed(field: int, number: int) -> bytes:
    return tag(field, FIXED64) + pack_fixed64(number) if number else b""


def _double(field: int, number: float | None) -> bytes:
    """An optional double: zero is written, None is not."""
    return b"" if number is None else tag(field, FIXED64) + pack_double(number)


def _value(number: Any, *, as_double: int, as_int: int) -> bytes:
    """A number of a oneof, which is written even where it is zero."""
    if isinstance(number, int) and _MIN_INT <= number <= _MAX_INT:
        return tag(as_int, FIXED64) + _SFIXED64(number)
    return tag(as_double, FIXED64) + pack_double(float(number))


def _signed(field: int, number: int) -> bytes:
    """A ``sint32``, in which small negative numbers are short."""
    return tag(field, VARINT) + varint((number << 1) ^ (number >> 31)) if number else b""


def _packed(field: int, numbers: Iterable[bytes]) -> bytes:
    return optional(field, b"".join(numbers))


def _buckets(field: int, buckets: Any) -> bytes:
    if not buckets.bucket_counts:
        return b""
    counts = b"".join(varint(count) for count in buckets.bucket_counts)
    return delimited(field, _signed(1, buckets.offset) + delimited(2, counts))
