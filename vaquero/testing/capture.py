"""Capturing: providers in memory that stand in the API's places for a while."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from vaquero import _runtime, _upstream
from vaquero.testing.tree import render
from vaquero.tracing.provider import TracerProvider


@dataclass(frozen=True)
class Metric:
    """One data point of a metric.

    Attributes:
        name: The metric's name.
        unit: Its unit.
        value: The number; for a histogram the sum.
        count: Measurements in a histogram; 1 for others.
        attributes: The point's attributes.
    """

    name: str
    unit: str
    value: float
    count: int
    attributes: Mapping[str, Any]


@dataclass
class Captured:
    """What was captured so far; reading it while code runs is allowed."""

    _spans: _Spans
    _reader: InMemoryMetricReader
    _logs: _Logs
    _provider: TracerProvider
    _points: dict[tuple[str, Any], Metric] = field(default_factory=lambda: {})

    @property
    def spans(self) -> list[ReadableSpan]:
        """Finished spans, in the order in which they ended."""
        return list(self._spans.taken)

    @property
    def logs(self) -> list[Any]:
        """Log records of OpenTelemetry's API, in order."""
        return list(self._logs.taken)

    @property
    def metrics(self) -> list[Metric]:
        """The newest value of every data point; asking collects."""
        for metric in _points(self._reader.get_metrics_data()):
            self._points[metric.name, tuple(sorted(metric.attributes.items(), key=str))] = metric
        return list(self._points.values())

    def find(self, name: str | None = None, **attributes: Any) -> list[ReadableSpan]:
        """Spans of this name with these attributes; dots in keys are written as ``__``."""
        wanted = _keys(attributes)
        return [
            span
            for span in self.spans
            if (name is None or span.name == name) and _has(span.attributes, wanted)
        ]

    def span(self, name: str | None = None, **attributes: Any) -> ReadableSpan:
        """The one span of this name with these attributes.

        Raises:
            AssertionError: If there is none or more than one; it shows the tree of what is there.
        """
        found = self.find(name, **attributes)
        if len(found) != 1:
            raise AssertionError(
                f"expected one span {name!r} with {_keys(attributes)}, found {len(found)}\n"
                f"{self.tree()}"
            )
        return found[0]

    def children(self, span: ReadableSpan) -> list[ReadableSpan]:
        """The spans whose parent this one is, in the order in which they began."""
        found = [
            child
            for child in self.spans
            if child.parent is not None
            and span.context is not None
            and child.parent.span_id == span.context.span_id
        ]
        return sorted(found, key=lambda child: child.start_time or 0)

    def metric(self, name: str, **attributes: Any) -> Metric:
        """The one data point of this metric with these attributes.

        Raises:
            AssertionError: If there is none or more than one; it names the metrics that are there.
        """
        wanted = _keys(attributes)
        points = self.metrics
        found = [point for point in points if point.name == name and _has(point.attributes, wanted)]
        if len(found) != 1:
            names = sorted({point.name for point in points})
            raise AssertionError(
                f"expected one point of {name!r} with {wanted}, found {len(found)} among {names}"
            )
        return found[0]

    def tree(self) -> str:
        """All finished spans as an indented tree with attributes, for a person to read."""
        return render(self.spans)

    def clear(self) -> None:
        """Forget what was captured so far."""
        self._spans.taken.clear()
        self._logs.taken.clear()
        self._points.clear()


class _Spans(SpanProcessor):
    def __init__(self) -> None:
        self.taken: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.taken.append(span)


class _Logs(LogRecordProcessor):
    def __init__(self) -> None:
        self.taken: list[Any] = []

    def on_emit(self, log_record: Any) -> None:
        self.taken.append(log_record.log_record)

    def shutdown(self) -> None:
        """Nothing to end."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class _TestingSdk:
    """What the facade finds in use during a capture: nothing that sends."""

    pipeline = None

    def __init__(self, provider: TracerProvider) -> None:
        self.tracer_provider = provider

    def is_enabled(self) -> bool:
        return True

    def flush(self, timeout: float | None = None) -> bool:
        return True

    def shutdown(self, timeout: float | None = None) -> bool:
        return True

    def get_stats(self) -> dict[str, Any]:
        return {}


_capturing = threading.RLock()


@contextlib.contextmanager
def capture(
    resource: Mapping[str, Any] | None = None,
) -> Generator[Captured, None, None]:
    """Capture the spans, metrics and log records made inside the block.

    Tracers that were handed out before by vaquero's providers, or through the API while no provider
    was set, are captured too. A capture inside another one takes over until it ends.

    Args:
        resource: Attributes of the resource; ``service.name`` is ``test`` by default.
    """
    attributes = Resource({"service.name": "test", **(resource or {})})
    spans, logs, reader = _Spans(), _Logs(), InMemoryMetricReader()
    tracers = TracerProvider(resource=attributes, shutdown_on_exit=False)
    tracers.follows_global = True
    tracers.add_span_processor(spans)
    meters = MeterProvider([reader], resource=attributes, shutdown_on_exit=False)
    loggers = LoggerProvider(resource=attributes, shutdown_on_exit=False)
    loggers.add_log_record_processor(logs)
    with _capturing, _replaced({"traces": tracers, "metrics": meters, "logs": loggers}):
        before = _runtime.sdk
        _runtime.set_sdk(_TestingSdk(tracers))
        try:
            yield Captured(spans, reader, logs, tracers)
        finally:
            if before is None:
                _runtime.reset()
            else:
                _runtime.set_sdk(before)
            meters.shutdown()


@contextlib.contextmanager
def _replaced(providers: Mapping[str, Any]) -> Generator[None, None, None]:
    """Put providers into the API's places, and afterwards put back what was there."""
    before = {
        signal: _upstream.PROVIDERS[signal].exchange(_upstream.set_for_good(provider))
        for signal, provider in providers.items()
    }
    proxy = _upstream.proxy_meter_provider()
    real = proxy._real_meter_provider
    proxy.on_set_meter_provider(providers["metrics"])
    try:
        yield
    finally:
        for signal, state in before.items():
            _upstream.PROVIDERS[signal].exchange(state)
        proxy._real_meter_provider = real
        if real is not None:
            proxy.on_set_meter_provider(real)


def _points(data: Any) -> Iterator[Metric]:
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    value = getattr(point, "value", None)
                    yield Metric(
                        metric.name,
                        metric.unit or "",
                        point.sum if value is None else value,
                        getattr(point, "count", 1),
                        dict(point.attributes or {}),
                    )


def _keys(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("__", "."): value for key, value in attributes.items()}


def _has(found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    known = found or {}
    return all(key in known and known[key] == value for key, value in wanted.items())
