"""From settings to the arguments of the rooms below: nothing here decides, it only translates."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vaquero import _folders, _log, _runtime, resource
from vaquero.config import kinds
from vaquero.config.judgement import Judgement
from vaquero.config.table import SETTINGS
from vaquero.errors import SettingsError
from vaquero.pipeline import Destination, Pipeline, PipelineSettings, Proxies
from vaquero.sdk import installed, sampling
from vaquero.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.sdk.metrics import ExemplarFilter
    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings
    from vaquero.config.table import Setting
    from vaquero.pipeline import Signal
    from vaquero.redaction import Redactor
    from vaquero.sdk.handle import Parts

DEFAULT_HTTP = "http://localhost:4318"
DEFAULT_GRPC = "http://localhost:4317"


def pipeline(settings: Settings) -> Pipeline:
    """The pipeline that these settings describe; builds nothing but memory."""
    return Pipeline(pipeline_settings(settings), redactor(settings))


def pipeline_settings(settings: Settings) -> PipelineSettings:
    """The settings of the pipeline."""
    batch = settings["batch_size"] or settings["max_export_batch_size"]
    delay_s = settings["flush_interval"] or settings["schedule_delay_ms"] / 1000.0
    return PipelineSettings(
        traces=destination("traces", settings),
        metrics=destination("metrics", settings),
        logs=destination("logs", settings),
        request_max_items=batch,
        spool_dir=spool_dir(settings) if settings["spool"] else None,
        spool_max_bytes=settings["spool_max_bytes"],
        spool_max_age_s=settings["spool_max_days"] * 86_400.0,
        ring_max_spans=max(settings["max_queue_size"], 32_768),
        schedule_delay_s=delay_s,
        proxies=proxies(),
        user_agent=f"vaquero-otel/{__version__}",
    )


def spool_dir(settings: Settings) -> Path:
    """The folder of the spool."""
    return Path(settings["spool_dir"]) if settings["spool_dir"] else _folders.state() / "spool"


def redactor(settings: Settings) -> Redactor | None:
    """What removes secrets; None where redaction is off."""
    if not settings["redact"]:
        return None
    from vaquero.redaction import Redactor

    return Redactor(
        extra_keys=settings["redact_keys"],
        extra_patterns=settings.made.get("redact_patterns", settings["redact_patterns"]),
    )


def destination(signal: Signal, settings: Settings) -> Destination:
    """Where a signal goes: its own settings win over the general ones, by the specification."""

    def of(name: str) -> Any:
        own = settings[f"{signal}_{name}"]
        return settings[name] if own is None else own

    protocol = protocol_of(signal, settings)
    named = settings.given("endpoint") or settings.given(f"{signal}_endpoint")
    given: dict[str, str] = of("headers") or {}
    headers = {name.lower(): value for name, value in given.items()}
    if settings["api_key"] and named:
        headers.setdefault("authorization", f"Bearer {settings['api_key']}")
    bare = _bare_address(signal, settings) if protocol == "grpc" else None
    return Destination(
        endpoint=bare or endpoint_of(signal, settings),
        protocol=protocol,
        headers=tuple(sorted(headers.items())),
        timeout_s=of("timeout") or 10.0,
        compression=of("compression") or "none",
        certificate=of("certificate"),
        client_key=of("client_key"),
        client_certificate=of("client_certificate"),
        insecure=_plain(bare) if of("insecure") is None else of("insecure"),
        named_by_user=named,
    )


def _bare_address(signal: str, settings: Settings) -> str | None:
    """The ``host:port`` of a signal where it was written without a scheme, which decides on TLS."""
    own = settings[f"{signal}_endpoint"] is not None
    written = settings.written(f"{signal}_endpoint" if own else "endpoint")
    return written.strip() if isinstance(written, str) and "://" not in written else None


def _plain(address: str | None) -> bool:
    """Whether an address without scheme is this machine's own, where TLS protects nothing."""
    host = urlsplit(f"//{address}").hostname if address else None
    return host in ("localhost", "127.0.0.1", "::1")


def protocol_of(signal: str, settings: Settings) -> Any:
    """The protocol: as set, else gRPC where the endpoint's port is 4317, else HTTP."""
    chosen = settings[f"{signal}_protocol"] or settings["protocol"]
    if chosen:
        return chosen
    endpoint = settings[f"{signal}_endpoint"] or settings["endpoint"]
    if endpoint and urlsplit(endpoint).port == 4317:
        return "grpc"
    return "http/protobuf"


def endpoint_of(signal: str, settings: Settings) -> str:
    """The URL of a signal: its own as it is, else the base with the signal's path."""
    own = settings[f"{signal}_endpoint"]
    if protocol_of(signal, settings) == "grpc":
        return own or settings["endpoint"] or DEFAULT_GRPC
    if own:
        return own
    return f"{(settings['endpoint'] or DEFAULT_HTTP).rstrip('/')}/v1/{signal}"


def proxies() -> Proxies:
    """The proxies of the environment, in either case of their names."""

    def read(name: str) -> str | None:
        return os.environ.get(name.lower()) or os.environ.get(name.upper()) or None

    bypass = tuple(part.strip() for part in (read("no_proxy") or "").split(",") if part.strip())
    everything = read("all_proxy")
    return Proxies(read("http_proxy") or everything, read("https_proxy") or everything, bypass)


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


def register_own_instruments(parts: Parts) -> None:
    """Let the pipeline tell of itself through metrics."""
    if parts.meter_provider is None or parts.pipeline is None:
        return
    from vaquero.pipeline.self_metrics import register_instruments

    register_instruments(parts.meter_provider.get_meter("vaquero", __version__), parts.pipeline)


def set_propagators(settings: Settings) -> None:
    """Set the global propagator by name where names were given."""
    names: tuple[str, ...] | None = settings["propagators"]
    if names is None:
        return
    usable: Mapping[str, Any] = {}
    if not any(name.lower() == "none" for name in names):
        usable = settings.made.get("propagators") or _made(_DEFAULT_PROPAGATORS).made
    if tuple(usable) != names and _PROPAGATORS in os.environ:
        os.environ[_PROPAGATORS] = ",".join(usable) or "none"
    from opentelemetry import propagate
    from opentelemetry.propagators.composite import CompositePropagator

    propagate.set_global_textmap(CompositePropagator(list(usable.values())))


_PROPAGATORS = "OTEL_PROPAGATORS"
_DEFAULT_PROPAGATORS = ("tracecontext", "baggage")


def _made(names: tuple[str, ...]) -> Judgement:
    return installed.judge_names(
        "opentelemetry_propagator",
        names,
        builtin={name for name in names if name.lower() == "none"} | {"none"},
        make=lambda found: found(),
        using=",".join(_DEFAULT_PROPAGATORS),
    )


def judge_propagators(wanted: Any, known: Mapping[str, Any]) -> Judgement:
    """Judge and make propagators by their names; the default ones where none can be had.

    The API reads the variable when it is imported, and raises on a name that it cannot load: such
    names are taken out of the environment before any other package is loaded.
    """
    del known
    judgement = _made(wanted)
    if judgement.fault is None:
        return judgement
    if judgement.value is None:
        judgement = _made(_DEFAULT_PROPAGATORS)._replace(fault=judgement.fault)
    if kinds.NAMES.parse(os.environ.get(_PROPAGATORS, "")) == wanted:
        os.environ[_PROPAGATORS] = ",".join(judgement.value)
    return judgement


def unloadable(environ: Mapping[str, str]) -> Iterator[SettingsError]:
    """Names that the API loads by itself, and that no installed package has."""
    for name, group, using in _LOADED_BY_API:
        wanted = environ.get(name, "").strip()
        if not wanted:
            continue
        from importlib.metadata import entry_points

        if not list(entry_points(group=group, name=wanted)):
            valid = f"the name of an installed one, e.g. {installed.names(group) or 'none is'}"
            yield SettingsError(
                name, wanted[:80], source="environment", expected=valid, using=using
            )


_LOADED_BY_API = (
    ("OTEL_PYTHON_CONTEXT", "opentelemetry_context", "contextvars_context"),
    ("OTEL_PYTHON_TRACER_PROVIDER", "opentelemetry_tracer_provider", "vaquero's"),
    ("OTEL_PYTHON_METER_PROVIDER", "opentelemetry_meter_provider", "vaquero's"),
    ("OTEL_PYTHON_LOGGER_PROVIDER", "opentelemetry_logger_provider", "vaquero's"),
)


def apply_log_level(settings: Settings) -> None:
    """``OTEL_LOG_LEVEL`` for vaquero and the SDK; ``debug`` makes the logger ``vaquero`` talk."""
    if settings["sdk_log_level"]:
        level = _LEVELS[settings["sdk_log_level"]]
        for name in ("vaquero", "opentelemetry"):
            logging.getLogger(name).setLevel(level)
    if settings["debug"]:
        logging.getLogger("vaquero").setLevel(logging.DEBUG)


_LEVELS = {
    "trace": 5,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
}


def log_limits(settings: Settings) -> tuple[int | None, int | None]:
    """Attributes of a log record, and characters of a value; the general limits where unset.

    The default of the general one is left to the pipeline, which says what it leaves out.
    """
    count = settings["logrecord_attribute_count_limit"]
    if count is None and settings.given("attribute_count_limit"):
        count = settings["attribute_count_limit"]
    length = settings["logrecord_attribute_value_length_limit"]
    return count, settings["attribute_value_length_limit"] if length is None else length


def heal(settings: Settings) -> None:
    """Take invalid ``OTEL_*`` values out of this process's environment; they were logged before.

    Parts of the SDK read some variables themselves, and raise into the application on what they
    cannot parse. Names of what is not installed stay, for processes that this one starts.
    """
    rows = {name: row for row in SETTINGS for name in row.env}
    for problem in settings.problems:
        if problem.source == "environment" and problem.name.startswith("OTEL_"):
            row = rows.get(problem.name)
            if row is None or not _readable(row, os.environ.get(problem.name, "")):
                os.environ.pop(problem.name, None)
    if settings.declared is not None:
        # Instrumentations, and parts of the SDK, know no other way to hear of these.
        os.environ.update(settings.declared.environ)


def _readable(row: Setting, value: str) -> bool:
    try:
        row.kind.parse(value)
    except Exception:
        return False
    return True
