"""Exporters and processors that are not vaquero's own: by name, as objects, by upstream."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vaquero import _guard, _log
from vaquero.config.judgement import Judgement
from vaquero.config.kinds import brief
from vaquero.errors import SettingsError
from vaquero.sdk import endpoints, installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vaquero.config import Settings
    from vaquero.config.judgement import Judge

#: Names of upstream's own OTLP exporters: vaquero's pipeline answers to them.
OTLP_NAMES = frozenset({"otlp", "otlp_proto_http", "otlp_proto_grpc"})


class Components(NamedTuple):
    """What the caller hands in beside settings.

    Attributes:
        exporters: Objects of the SDK's exporter classes, of any signal; for their signal they
            stand in place of OTLP, unless an endpoint was named too.
        span_processors: Added before vaquero's own.
        log_processors: The same for logs.
        names: More exporter names by signal, as the configurator is given them.
        export_processor: Makes the processor of a span exporter; the SDK's batch processor where
            it is None.
        exporter_args: Keyword arguments by exporter class.
        resource_attributes: Added to the resource, below what settings say.
    """

    exporters: Sequence[Any] = ()
    span_processors: Sequence[Any] = ()
    log_processors: Sequence[Any] = ()
    names: Mapping[str, Sequence[str]] = MappingProxyType({})
    export_processor: Any = None
    exporter_args: Mapping[Any, Mapping[str, Any]] = MappingProxyType({})
    resource_attributes: Mapping[str, Any] = MappingProxyType({})


class SignalExporters(NamedTuple):
    """What one signal is exported by.

    Attributes:
        pipeline: Whether vaquero's pipeline carries it.
        others: Exporters (or metric readers) beside it.
    """

    pipeline: bool
    others: tuple[Any, ...]


def exporters_for(signal: str, settings: Settings, components: Components) -> SignalExporters:
    """Decide by what a signal is exported; one that cannot be made is logged and left out."""
    given = tuple(exporter for exporter in components.exporters if _signal_of(exporter) == signal)
    more = _named_in_code(signal, components)
    classes = {**settings.made.get(f"{signal}_exporter", {}), **more}
    names = list(dict.fromkeys([*settings[f"{signal}_exporter"], *more]))
    if given and not (settings.is_set("endpoint") or settings.is_set(f"{signal}_endpoint")):
        names = [name for name in names if name not in OTLP_NAMES]
    # The specification: "none" beside other names is ignored; alone it means no exporter.
    names = [name for name in names if name != "none"]
    otlp = any(name in OTLP_NAMES for name in names)
    others = [
        *given,
        *_make(signal, (n for n in names if n not in OTLP_NAMES), classes, components),
    ]
    # What was named by mistake must not silence the signal; each name has been logged.
    otlp = otlp or bool(names and not others)
    if otlp and settings["exporter"] == "opentelemetry":
        others.extend(_make(signal, [_stock_name(signal, settings)], classes, components))
        otlp = False
    return SignalExporters(pipeline=otlp, others=tuple(others))


def judge(signal: str) -> Judge:
    """What judges the names of exporters of a signal, and loads their classes.

    They are not made: a reader of Prometheus would take its port, just to be looked at.
    """

    def judge_exporters(wanted: Any, known: Mapping[str, Any]) -> Judgement:
        del known
        group = f"opentelemetry_{signal}_exporter"
        return installed.judge_names(group, wanted, builtin={*OTLP_NAMES, "none"})

    return judge_exporters


def _named_in_code(signal: str, components: Components) -> dict[str, Any]:
    """The names given beside the settings, each with its class, None for those of OTLP."""
    names = tuple(components.names.get(signal, ()))
    judgement = judge(signal)(names, {})
    if judgement.fault is not None:
        argument = f"{signal.removesuffix('s')}_exporter_names"
        using = ",".join(judgement.value or ()) or "what the settings name"
        problem = SettingsError(
            argument,
            brief(",".join(names)),
            source="argument",
            expected=judgement.fault.valid,
            using=using,
        )
        _log.warn(f"settings:{argument}", "%s", problem)
    classes: dict[str, Any] = judgement.made or {}
    return {name: classes.get(name) for name in judgement.value or ()}


def _stock_name(signal: str, settings: Settings) -> str:
    grpc = endpoints.protocol_of(signal, settings) == "grpc"
    return "otlp_proto_grpc" if grpc else "otlp_proto_http"


def _make(
    signal: str, names: Iterable[str], classes: Mapping[str, Any], components: Components
) -> list[Any]:
    found: list[Any] = []
    for name in names:
        try:
            factory = classes.get(name) or installed.load(f"opentelemetry_{signal}_exporter", name)
            found.append(factory(**components.exporter_args.get(factory, {})))
        except Exception as error:  # An exporter is somebody else's code.
            reason = _guard.describe(error)
            _log.warn(
                f"exporter:{name}", "the %s exporter %r is left out: %s", signal, name, reason
            )
    return found


def _signal_of(exporter: Any) -> str:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
    from opentelemetry.sdk.trace.export import SpanExporter

    if isinstance(exporter, SpanExporter):
        return "traces"
    if isinstance(exporter, MetricExporter | MetricReader):
        return "metrics"
    return "logs"


def span_processor_for(exporter: Any, components: Components, settings: Settings) -> Any:
    """The processor that feeds a span exporter which is not ours."""
    if components.export_processor is not None:
        return components.export_processor(exporter)
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(exporter, **_batching(settings, ""))


def log_processor_for(exporter: Any, settings: Settings) -> Any:
    """The processor that feeds a log exporter which is not ours."""
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    return BatchLogRecordProcessor(exporter, **_batching(settings, "log_"))


#: What the specification says of batches; vaquero's own defaults are for its pipeline.
_BATCHING = {
    "": {
        "schedule_delay_ms": 5000,
        "export_timeout_ms": 30_000,
        "max_queue_size": 2048,
        "max_export_batch_size": 512,
    },
    "log_": {
        "schedule_delay_ms": 1000,
        "export_timeout_ms": 30_000,
        "max_queue_size": 2048,
        "max_export_batch_size": 512,
    },
}


def _batching(settings: Settings, prefix: str) -> dict[str, Any]:
    """Arguments of the SDK's batch processors, made to agree: it raises where they do not."""
    values = {
        name: settings[prefix + name] if settings.is_set(prefix + name) else default
        for name, default in _BATCHING[prefix].items()
    }
    return {
        "schedule_delay_millis": max(1, values["schedule_delay_ms"]),
        "export_timeout_millis": max(1, values["export_timeout_ms"]),
        "max_queue_size": values["max_queue_size"],
        "max_export_batch_size": min(values["max_export_batch_size"], values["max_queue_size"]),
    }


def metric_reader_for(exporter: Any, settings: Settings) -> Any:
    """The reader that feeds a metric exporter which is not ours; a reader is used as it is."""
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

    if isinstance(exporter, MetricReader):
        return exporter
    return PeriodicExportingMetricReader(
        exporter,
        export_interval_millis=settings["metric_interval_ms"] or float("inf"),
        export_timeout_millis=settings["metric_timeout_ms"] or 86_400_000,
    )
