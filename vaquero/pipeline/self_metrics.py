"""The pipeline tells of itself: observable instruments that cost nothing until they are read."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Meter

    from vaquero.pipeline.pipeline import Pipeline
    from vaquero.pipeline.settings import Signal
    from vaquero.pipeline.stats import PipelineStats, SignalStats

_COMPONENT = {
    "otel.component.name": "vaquero_span_processor/0",
    "otel.component.type": "vaquero_span_processor",
}
_EXPORTER = {
    "otel.component.name": "vaquero_exporter/0",
    "otel.component.type": "vaquero_exporter",
}


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

    def of(
        read: Callable[[PipelineStats], Iterable[Observation]],
    ) -> list[Callable[[CallbackOptions], Iterable[Observation]]]:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            alive = held()
            return list(read(alive.stats())) if alive is not None else []

        return [callback]

    meter.create_observable_counter(
        "vaquero.spans.dropped", of(_dropped), "{span}", "Spans lost, by reason."
    )
    meter.create_observable_gauge(
        "vaquero.spool.size",
        of(lambda stats: [Observation(stats.spool_bytes)]),
        "By",
        "Bytes in the spool that the backend has not confirmed.",
    )
    meter.create_observable_gauge(
        "vaquero.spool.age",
        of(lambda stats: [Observation(stats.spool_age_s)]),
        "s",
        "Age of the oldest request that waits.",
    )
    meter.create_observable_counter(
        "vaquero.export.requests",
        of(lambda stats: [Observation(stats.requests)]),
        "{request}",
        "Requests tried, repeats included.",
    )
    meter.create_observable_counter(
        "vaquero.export.retries",
        of(lambda stats: [Observation(stats.retries)]),
        "{request}",
        "Requests repeated.",
    )
    meter.create_observable_counter(
        "vaquero.export.errors",
        of(lambda stats: [Observation(stats.errors)]),
        "{request}",
        "Requests that failed.",
    )
    meter.create_observable_up_down_counter(
        "otel.sdk.processor.span.queue.size",
        of(lambda stats: [Observation(stats.queue_size, _COMPONENT)]),
        "{span}",
        "Spans in the queue of the span processor.",
    )
    meter.create_observable_up_down_counter(
        "otel.sdk.processor.span.queue.capacity",
        of(lambda _: [Observation(pipeline_capacity(held()), _COMPONENT)]),
        "{span}",
        "Spans that the queue of the span processor can hold.",
    )
    meter.create_observable_counter(
        "otel.sdk.processor.span.processed",
        of(_processed),
        "{span}",
        "Spans whose processing has finished, successful or not.",
    )
    _register_exported(meter, of)


def _register_exported(
    meter: Meter,
    of: Callable[
        [Callable[[PipelineStats], Iterable[Observation]]],
        list[Callable[[CallbackOptions], Iterable[Observation]]],
    ],
) -> None:
    names: tuple[tuple[str, Signal, str], ...] = (
        ("otel.sdk.exporter.span", "traces", "{span}"),
        ("otel.sdk.exporter.metric_data_point", "metrics", "{data_point}"),
        ("otel.sdk.exporter.log", "logs", "{log_record}"),
    )
    for name, signal, unit in names:

        def exported(stats: PipelineStats, signal: Signal = signal) -> Iterable[Observation]:
            return _outcomes(stats.signals[signal], _EXPORTER)

        def inflight(stats: PipelineStats, signal: Signal = signal) -> Iterable[Observation]:
            one = stats.signals[signal]
            waiting = one.accepted - one.acknowledged - sum(one.dropped.values())
            return [Observation(max(0, waiting), _EXPORTER)]

        meter.create_observable_counter(
            f"{name}.exported", of(exported), unit, "Items whose export has finished."
        )
        meter.create_observable_up_down_counter(
            f"{name}.inflight", of(inflight), unit, "Items whose export has not finished."
        )


def pipeline_capacity(pipeline: Pipeline | None) -> int:
    """Spans that the pipeline's ring can hold; 0 where it is gone."""
    return pipeline.settings.ring_max_spans if pipeline is not None else 0


def _dropped(stats: PipelineStats) -> Iterable[Observation]:
    return [Observation(count, {"reason": reason}) for reason, count in stats.dropped.items()]


def _processed(stats: PipelineStats) -> Iterable[Observation]:
    one = stats.signals["traces"]
    yield Observation(one.accepted, _COMPONENT)


def _outcomes(one: SignalStats, attributes: dict[str, str]) -> Iterable[Observation]:
    yield Observation(one.acknowledged, attributes)
    for reason, count in one.dropped.items():
        yield Observation(count, {**attributes, "error.type": reason})
