"""Tracer provider, and what the other providers are given: limits, filters, exporters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vaquero import _log, _runtime, resource
from vaquero.sdk import sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics import ExemplarFilter
    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings
    from vaquero.pipeline import Pipeline


def tracer_provider(settings: Settings, who: Resource) -> Any:
    """The tracer provider: vaquero's fast one, or the SDK's own."""
    from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider

    from vaquero.tracing.selfcheck import usable

    arguments: dict[str, Any] = {
        "sampler": sampling.sampler(settings),
        "resource": who,
        "shutdown_on_exit": False,
        "id_generator": sampling.id_generator(settings),
        "span_limits": span_limits(settings),
    }
    if settings["spans"] == "sdk":
        return SdkTracerProvider(**arguments)
    reason = usable()
    if reason is not None:
        _log.warn("selfcheck", "the SDK's own spans are used instead of vaquero's: %s", reason)
        return SdkTracerProvider(**arguments)
    from vaquero.tracing.provider import TracerProvider

    provider = TracerProvider(**arguments)
    provider.keep_instance_id = resource.keeps_instance_id(settings)
    return provider


def child_resource(settings: Settings) -> Callable[[Resource], Resource]:
    """Gives a forked child's resource from its parent's: its own pid and instance id."""
    from opentelemetry.sdk.resources import Resource

    keep = resource.keeps_instance_id(settings)

    def of_child(parent: Resource) -> Resource:
        own: dict[str, Any] = {}
        if "process.pid" in parent.attributes:
            own["process.pid"] = os.getpid()
        if not keep and "service.instance.id" in parent.attributes:
            own["service.instance.id"] = _runtime.instance_id()
        return parent.merge(Resource(own))

    return of_child


def span_limits(settings: Settings) -> Any:
    """The SDK's ``SpanLimits``, every one given: what is not set must not be read again."""
    from opentelemetry.sdk.trace import SpanLimits

    def limit(*names: str) -> int:
        for name in names:
            if settings[name] is not None:
                return settings[name]
        return SpanLimits.UNSET

    return SpanLimits(
        max_attributes=limit("attribute_count_limit"),
        max_events=limit("span_event_count_limit"),
        max_links=limit("span_link_count_limit"),
        max_span_attributes=limit("span_attribute_count_limit", "attribute_count_limit"),
        max_event_attributes=limit("event_attribute_count_limit", "attribute_count_limit"),
        max_link_attributes=limit("link_attribute_count_limit", "attribute_count_limit"),
        max_attribute_length=limit("attribute_value_length_limit"),
        max_span_attribute_length=limit(
            "span_attribute_value_length_limit", "attribute_value_length_limit"
        ),
    )


def exemplar_filter(settings: Settings) -> ExemplarFilter:
    """Which measurements keep the span they were made in."""
    from opentelemetry.sdk import metrics

    return {
        "trace_based": metrics.TraceBasedExemplarFilter,
        "always_on": metrics.AlwaysOnExemplarFilter,
        "always_off": metrics.AlwaysOffExemplarFilter,
    }[settings["exemplar_filter"]]()


def metric_exporter(settings: Settings, pipe: Pipeline | None) -> Any:
    """What hands collected points to the pipeline."""
    from vaquero.pipeline.adapters.metrics import MetricExporter

    return MetricExporter(
        pipe,
        temporality=settings["temporality"],
        histogram_aggregation=settings["histogram_aggregation"],
    )


def log_processor(settings: Settings, pipe: Pipeline | None) -> Any:
    """What hands log records to the pipeline."""
    from vaquero.pipeline.adapters.logs import LogProcessor

    return LogProcessor(pipe)


def metric_timeout_s(settings: Settings) -> float:
    """Seconds for one collection; 0 is no limit, as the specification has it."""
    return settings["metric_timeout_ms"] / 1000.0 or 86_400.0


def log_limits(settings: Settings) -> tuple[int | None, int | None]:
    """Attributes of a log record, and characters of a value; the general limits where unset.

    The default of the general one is left to the pipeline, which says what it leaves out.
    """
    count = settings["logrecord_attribute_count_limit"]
    if count is None and settings.is_set("attribute_count_limit"):
        count = settings["attribute_count_limit"]
    length = settings["logrecord_attribute_value_length_limit"]
    return count, settings["attribute_value_length_limit"] if length is None else length
