"""Metrics of the pipeline itself: observable instruments that cost nothing until they are read."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Literal

from opentelemetry.metrics import Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Meter

    from vaquero.pipeline.pipeline import Pipeline
    from vaquero.pipeline.settings import PipelineSettings, Signal
    from vaquero.pipeline.stats import PipelineStats

    _Kind = Literal["counter", "gauge", "up_down_counter"]
    _Read = Callable[[PipelineStats, PipelineSettings], Iterable[Observation]]

_PROCESSOR = {
    "otel.component.name": "vaquero_span_processor/0",
    "otel.component.type": "vaquero_span_processor",
}
_EXPORTER = {
    "otel.component.name": "vaquero_exporter/0",
    "otel.component.type": "vaquero_exporter",
}


def _dropped(stats: PipelineStats, _: PipelineSettings) -> Iterable[Observation]:
    return [Observation(count, {"reason": reason}) for reason, count in stats.dropped.items()]


def _exported(signal: Signal, stats: PipelineStats, _: PipelineSettings) -> Iterable[Observation]:
    one = stats.signals[signal]
    yield Observation(one.acknowledged, _EXPORTER)
    for reason, count in one.dropped.items():
        yield Observation(count, {**_EXPORTER, "error.type": reason})


def _inflight(signal: Signal, stats: PipelineStats, _: PipelineSettings) -> Iterable[Observation]:
    one = stats.signals[signal]
    waiting = one.accepted - one.acknowledged - sum(one.dropped.values())
    return [Observation(max(0, waiting), _EXPORTER)]


# fmt: off
#: Kind, name, unit, description, and what is read of the pipeline's counts.
_INSTRUMENTS: tuple[tuple[_Kind, str, str, str, _Read], ...] = (
    ("counter", "vaquero.spans.dropped", "{span}",
     "Spans lost, by reason.", _dropped),
    ("gauge", "vaquero.spool.size", "By",
     "Bytes in the spool that the backend has not confirmed.",
     lambda stats, _: [Observation(stats.spool_bytes)]),
    ("gauge", "vaquero.spool.age", "s",
     "Age of the oldest request that waits.",
     lambda stats, _: [Observation(stats.spool_age_s)]),
    ("counter", "vaquero.export.requests", "{request}",
     "Requests tried, repeats included.",
     lambda stats, _: [Observation(stats.requests)]),
    ("counter", "vaquero.export.retries", "{request}",
     "Requests repeated.",
     lambda stats, _: [Observation(stats.retries)]),
    ("counter", "vaquero.export.errors", "{request}",
     "Requests that failed.",
     lambda stats, _: [Observation(stats.errors)]),
    ("up_down_counter", "otel.sdk.processor.span.queue.size", "{span}",
     "Spans in the queue of the span processor.",
     lambda stats, _: [Observation(stats.queue_size, _PROCESSOR)]),
    ("up_down_counter", "otel.sdk.processor.span.queue.capacity", "{span}",
     "Spans that the queue of the span processor can hold.",
     lambda _, settings: [Observation(settings.ring_max_spans, _PROCESSOR)]),
    ("counter", "otel.sdk.processor.span.processed", "{span}",
     "Spans whose processing has finished, successful or not.",
     lambda stats, _: [Observation(stats.signals["traces"].accepted, _PROCESSOR)]),
    ("counter", "otel.sdk.exporter.span.exported", "{span}",
     "Items whose export has finished.", partial(_exported, "traces")),
    ("up_down_counter", "otel.sdk.exporter.span.inflight", "{span}",
     "Items whose export has not finished.", partial(_inflight, "traces")),
    ("counter", "otel.sdk.exporter.metric_data_point.exported", "{data_point}",
     "Items whose export has finished.", partial(_exported, "metrics")),
    ("up_down_counter", "otel.sdk.exporter.metric_data_point.inflight", "{data_point}",
     "Items whose export has not finished.", partial(_inflight, "metrics")),
    ("counter", "otel.sdk.exporter.log.exported", "{log_record}",
     "Items whose export has finished.", partial(_exported, "logs")),
    ("up_down_counter", "otel.sdk.exporter.log.inflight", "{log_record}",
     "Items whose export has not finished.", partial(_inflight, "logs")),
)
# fmt: on


def register_instruments(meter: Meter, pipeline: Pipeline) -> None:
    """Create the pipeline's instruments.

    ``vaquero.spans.dropped`` by ``reason``, ``vaquero.spool.size``, ``vaquero.spool.age``,
    ``vaquero.export.requests``, ``vaquero.export.retries``, ``vaquero.export.errors``, and the
    ``otel.sdk.*`` metrics of the semantic conventions that a processor and an exporter have.

    Args:
        meter: Of any provider.
        pipeline: Held weakly: it may end before the meter does.
    """
    held = weakref.ref(pipeline)
    create = {
        "counter": meter.create_observable_counter,
        "gauge": meter.create_observable_gauge,
        "up_down_counter": meter.create_observable_up_down_counter,
    }
    for kind, name, unit, description, read in _INSTRUMENTS:
        create[kind](name, [partial(_observe, held, read)], unit, description)


def _observe(held: weakref.ref[Pipeline], read: _Read, _: CallbackOptions) -> Iterable[Observation]:
    pipeline = held()
    if pipeline is None:
        return []
    return list(read(pipeline.stats(), pipeline.settings))
