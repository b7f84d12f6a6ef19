"""Putting an SDK together from its settings: providers, pipeline, readers, gauges."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vaquero import _guard, _log, resource
from vaquero.config.load import warn_of
from vaquero.sdk import (
    endpoints,
    environment,
    exporters,
    global_providers,
    judges,
    pipeline_settings,
    providers,
)
from vaquero.sdk.build_logs import add_logs
from vaquero.sdk.exporters import Components
from vaquero.sdk.parts import Parts
from vaquero.tracing import global_provider
from vaquero.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings


def assemble(
    arguments: Mapping[str, Any], components: Components | None = None, *, replaceable: bool = False
) -> tuple[Settings, Parts]:
    """Build what the settings ask for and put it into the API's places.

    Args:
        arguments: Settings given in code, by the names of the table.
        components: Objects given beside them.
        replaceable: Leave the API's once-only places open for the application (implicit start).

    Returns:
        The settings, and the parts of a running SDK; empty parts where it is disabled.
    """
    settings = judges.load(arguments)
    warn_of(settings)
    components = components or Components()
    if settings["disabled"]:
        # Cheaper for everybody than the API's proxies, which ask on every span.
        global_provider.set_disabled_default()
    if not judges.builds(settings):
        return settings, Parts()
    environment.drop_invalid_environment(settings)
    environment.apply_log_level(settings)
    environment.set_propagators(settings)
    who = resource.build(settings, extra=components.resource_attributes)
    parts = Parts(pipeline=pipeline_settings.make_pipeline(settings))
    for step in (_add_traces, _add_metrics, add_logs):
        try:
            step(parts, settings, components, who, replaceable=replaceable)
        except Exception as error:  # What fails for one signal must not silence the others.
            _guard.report(error, step.__name__.removeprefix("_"))
    if "VAQUERO_JOIN" in os.environ:
        from vaquero.tracing.propagation import join_parent

        join_parent(os.environ)
    if settings["context"]:
        from vaquero.tracing import threads

        parts.on_shutdown.append(threads.carry())
    return settings, parts


def _add_traces(
    parts: Parts, settings: Settings, components: Components, who: Resource, *, replaceable: bool
) -> None:
    chosen = exporters.exporters_for("traces", settings, components)
    provider = providers.tracer_provider(settings, who)
    for processor in components.span_processors:
        provider.add_span_processor(processor)
    if settings["baggage_attributes"]:
        from vaquero.tracing.propagation import BaggageProcessor

        provider.add_span_processor(BaggageProcessor(settings["baggage_attributes"]))
    if settings["console"]:
        from vaquero.console import ConsoleProcessor

        redactor = pipeline_settings.redactor(settings)
        clean = redactor.text if redactor is not None else None
        provider.add_span_processor(ConsoleProcessor(clean=clean))
    if chosen.pipeline:
        provider.add_span_processor(_span_processor(settings, parts))
    for exporter in chosen.others:
        provider.add_span_processor(exporters.span_processor_for(exporter, components, settings))
    parts.tracer_provider = provider
    parts.host_tracer_provider = global_providers.set_by_application("traces")
    if global_providers.make_global("traces", provider, replaceable=replaceable):
        parts.on_shutdown.append(lambda: global_providers.unset_global("traces", provider))
    elif parts.host_tracer_provider is None:
        _log.warn(
            "replaceable",
            "this version of the OpenTelemetry API takes no replaceable provider; "
            "call vaquero.init() to make vaquero's the global one.",
        )


def _span_processor(settings: Settings, parts: Parts) -> Any:
    from vaquero.pipeline import SpanProcessor

    processor = SpanProcessor(parts.pipeline)
    if settings["tail_share"] is None:
        return processor
    from vaquero.tracing.sampling.tail import TailHolder, TailSink

    sink = TailSink(
        processor.sink,
        share=settings["tail_share"],
        slow_ms=settings["tail_slow_ms"],
        max_spans=settings["tail_max_spans"],
    )
    parts.before_exit.append(sink.flush)
    return TailHolder(sink)


def _add_metrics(
    parts: Parts, settings: Settings, components: Components, who: Resource, *, replaceable: bool
) -> None:
    chosen = exporters.exporters_for("metrics", settings, components)
    if not chosen.pipeline and not chosen.others:
        return
    from vaquero.metrics.provider import MeterProvider
    from vaquero.metrics.reader import ExportingMetricReader, Ticker

    ticker = Ticker(settings["metric_interval_ms"] / 1000.0)
    others = [exporters.metric_reader_for(exporter, settings) for exporter in chosen.others]

    def provider(of: Resource, readers: list[Any], *, instance: bool) -> MeterProvider:
        if chosen.pipeline:
            reader = ExportingMetricReader(
                providers.metric_exporter(settings, parts.pipeline),
                timeout_s=providers.metric_timeout_s(settings),
            )
            ticker.add(reader)
            readers = [reader, *readers]
        return MeterProvider(
            metric_readers=readers,
            resource=of,
            exemplar_filter=providers.exemplar_filter(settings),
            shutdown_on_exit=False,
            views=settings.made.get("views", ()),
            child_resource=providers.child_resource(settings) if instance else None,
        )

    parts.meter_provider = provider(who, others, instance=True)
    parts.ticker = ticker
    if global_providers.make_global("metrics", parts.meter_provider, replaceable=replaceable):
        meter_provider = parts.meter_provider
        parts.on_shutdown.append(lambda: global_providers.unset_global("metrics", meter_provider))
    if settings["gauges"]:
        from vaquero.sdk import gauges

        host = resource.build(settings, host_only=True)
        parts.host_meter_provider = (
            provider(host, [], instance=False) if chosen.pipeline else parts.meter_provider
        )
        parts.on_shutdown.extend(
            gauges.start(
                parts.meter_provider,
                parts.host_meter_provider,
                endpoints.endpoint_of("metrics", settings),
            )
        )
        if parts.host_meter_provider is parts.meter_provider:
            parts.host_meter_provider = None
    _register_own_instruments(parts)
    ticker.start()


def _register_own_instruments(parts: Parts) -> None:
    """Let the pipeline tell of itself through metrics."""
    if parts.meter_provider is None or parts.pipeline is None:
        return
    from vaquero.pipeline.self_metrics import register_instruments

    register_instruments(parts.meter_provider.get_meter("vaquero", __version__), parts.pipeline)
