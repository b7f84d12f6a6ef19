"""Telemetry as it arrived: requests of OTLP, decoded, and what is in them."""

from __future__ import annotations

import gzip
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        path: What was asked for; over gRPC the method.
        signal: ``traces``, ``metrics`` or ``logs``; else ``other``.
        headers: By their names in lower case.
        body: As it came, compressed or not; over gRPC the serialised message.
        accepted: Whether the receiver took it, whatever it answered.
        at_s: When it came, on the monotonic clock.
    """

    path: str
    signal: str
    headers: dict[str, str]
    body: bytes
    accepted: bool = True
    at_s: float = field(default_factory=time.monotonic)

    @cached_property
    def content(self) -> bytes:
        """The body without its compression."""
        coding = self.headers.get("content-encoding")
        if coding == "gzip":
            return gzip.decompress(self.body)
        return zlib.decompress(self.body) if coding == "deflate" else self.body

    @cached_property
    def message(self) -> Any:
        """The decoded message; the content where it is of no signal."""
        if self.signal not in MESSAGES:
            return self.content
        return MESSAGES[self.signal].FromString(self.content)

    @property
    def span_names(self) -> list[str]:
        """The names of the spans in it."""
        return [
            span.name
            for whole in self.message.resource_spans
            for part in whole.scope_spans
            for span in part.spans
        ]


def signal_of(path: str) -> str:
    """The signal that a path of HTTP is for."""
    return next((name for name in MESSAGES if name in path), "other")


@dataclass(frozen=True)
class ReceivedSpan:
    """One span with its resource, as plain values.

    Attributes:
        message: The span of the protocol.
    """

    name: str
    span_id: bytes
    attributes: dict[str, Any]
    resource: dict[str, Any]
    scope: str
    message: Any


class Received:
    """Requests in the order of their arrival.

    ``requests`` holds all, refused ones too; everything else speaks of those that were accepted.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def of(self, signal: str) -> list[Request]:
        """The requests of a signal."""
        return [one for one in list(self.requests) if one.accepted and one.signal == signal]

    def messages(self, signal: str) -> list[Any]:
        """The decoded requests of a signal."""
        return [request.message for request in self.of(signal)]

    def bodies(self, path: str) -> list[bytes]:
        """The bodies of all requests to a path, refused ones too, as they came."""
        return [request.body for request in list(self.requests) if request.path == path]

    @property
    def spans(self) -> list[Any]:
        """Every span, as the protocol has it."""
        return [span for span, _part, _whole in self._spans()]

    def named(self, name: str) -> list[ReceivedSpan]:
        """Spans of a name, as plain values."""
        return [
            ReceivedSpan(
                name,
                span.span_id,
                attributes(span),
                attributes(whole.resource),
                part.scope.name,
                span,
            )
            for span, part, whole in self._spans()
            if span.name == name
        ]

    @property
    def names(self) -> Counter[str]:
        """How often a span of each name arrived."""
        return Counter(span.name for span, _part, _whole in self._spans())

    @property
    def resource(self) -> dict[str, Any]:
        """Attributes of the resource of the first span."""
        return attributes(self.messages("traces")[0].resource_spans[0].resource)

    @property
    def logs(self) -> list[Any]:
        """Every log record, as the protocol has it."""
        return [
            record
            for message in self.messages("logs")
            for whole in message.resource_logs
            for part in whole.scope_logs
            for record in part.log_records
        ]

    @property
    def log_bodies(self) -> list[str]:
        """The text of every log record."""
        return [record.body.string_value for record in self.logs]

    def metrics(self, name: str | None = None) -> list[Any]:
        """Every metric, or those of a name, as the protocol has it."""
        return [
            metric
            for message in self.messages("metrics")
            for whole in message.resource_metrics
            for part in whole.scope_metrics
            for metric in part.metrics
            if name is None or metric.name == name
        ]

    def metric(self, name: str) -> Any:
        """The newest state of a metric; None where it did not come."""
        return next(reversed(self.metrics(name)), None)

    @property
    def metric_names(self) -> set[str]:
        """The names of all metrics."""
        return {metric.name for metric in self.metrics()}

    def _spans(self) -> Iterator[tuple[Any, Any, Any]]:
        """Each span with its scope's part and its resource's part of the message."""
        for message in self.messages("traces"):
            for whole in message.resource_spans:
                for part in whole.scope_spans:
                    for span in part.spans:
                        yield span, part, whole


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of a span, a record or a resource, as plain values."""
    return {pair.key: plain(pair.value) for pair in holder.attributes}


def plain(value: Any) -> Any:
    """A value of the protocol as Python has it; None where it is empty."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return by_key(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def by_key(pairs: Iterable[Any]) -> dict[str, Any]:
    """Pairs of key and value as a dictionary."""
    return {pair.key: plain(pair.value) for pair in pairs}
