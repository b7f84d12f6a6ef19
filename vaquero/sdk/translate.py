"""From settings to the arguments of the rooms below: nothing here decides, it only translates."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vaquero import _folders, _log, _runtime, resource
from vaquero.pipeline import Destination, Pipeline, PipelineSettings, Proxies
from vaquero.sdk import sampling
from vaquero.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics import ExemplarFilter
    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings
    from vaquero.pipeline import Signal
    from vaquero.redaction import Redactor
    from vaquero.sdk.handle import Parts

DEFAULT_HTTP = "http://localhost:4318"
DEFAULT_GRPC = "http://localhost:4317"


def pipeline(settings: Settings) -> Pipeline:
    """The pipeline that these settings describe; builds nothing but memory."""
    batch = settings["batch_size"] or settings["max_export_batch_size"]
    delay_s = settings["flush_interval"] or settings["schedule_delay_ms"] / 1000.0
    return Pipeline(
        PipelineSettings(
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
        ),
        redactor(settings),
    )


def spool_dir(settings: Settings) -> Path:
    """The folder of the spool."""
    return Path(settings["spool_dir"]) if settings["spool_dir"] else _folders.state() / "spool"


def redactor(settings: Settings) -> Redactor | None:
    """What removes secrets; None where redaction is off."""
    if not settings["redact"]:
        return None
    from vaquero.redaction import Redactor

    return Redactor(extra_keys=settings["redact_keys"], extra_patterns=settings["redact_patterns"])


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


def views(settings: Settings) -> tuple[Any, ...]:
    """Views of vaquero's meter providers: those of a declarative file, else none."""
    if settings.declared is None or not settings.declared.views:
        return ()
    from vaquero.sdk import declarative

    return declarative.views(settings)


def set_propagators(settings: Settings) -> None:
    """Set the global propagator by name where names were given; a bad one is said and left out."""
    names: tuple[str, ...] | None = settings["propagators"]
    if names is None:
        return
    usable = {} if "none" in names else _propagators_by_name(names)
    if "none" not in names and not usable:
        usable = _propagators_by_name(("tracecontext", "baggage"))
    if tuple(usable) != names and "OTEL_PROPAGATORS" in os.environ:
        # The API reads the variable when it is imported, and raises on a name that it cannot load.
        os.environ["OTEL_PROPAGATORS"] = ",".join(usable) or "none"
    from opentelemetry import propagate
    from opentelemetry.propagators.composite import CompositePropagator

    propagate.set_global_textmap(CompositePropagator(list(usable.values())))


def _propagators_by_name(names: tuple[str, ...]) -> dict[str, Any]:
    from importlib.metadata import entry_points

    found: dict[str, Any] = {}
    for name in names:
        points = list(entry_points(group="opentelemetry_propagator", name=name))
        try:
            found[name] = points[0].load()()
        except Exception as error:
            reason = "it is not installed" if isinstance(error, IndexError) else repr(error)
            _log.warn(
                f"propagator:{name}",
                "OTEL_PROPAGATORS: %r is left out (%s): expected names of installed propagators "
                "such as tracecontext, baggage, b3.",
                name,
                reason,
            )
    return found


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
    """Take unusable ``OTEL_*`` values out of this process's environment; they were said before.

    Parts of the SDK read some variables themselves, and raise into the application on what they
    cannot parse.
    """
    for problem in settings.problems:
        if problem.source == "environment" and problem.name.startswith("OTEL_"):
            os.environ.pop(problem.name, None)
    if settings.declared is not None:
        # Instrumentations, and parts of the SDK, know no other way to hear of these.
        os.environ.update(settings.declared.environ)
    for signal in ("tracer", "meter", "logger"):
        _heal_provider(signal, f"OTEL_PYTHON_{signal.upper()}_PROVIDER")


def _heal_provider(signal: str, name: str) -> None:
    """The API loads this name where no provider was set yet, and raises where there is none."""
    wanted = os.environ.get(name)
    if not wanted:
        return
    from importlib.metadata import entry_points

    if not list(entry_points(group=f"opentelemetry_{signal}_provider", name=wanted)):
        del os.environ[name]
        _log.warn(
            name,
            "%s=%r (from environment) is not usable: expected the name of an installed provider. "
            "Using vaquero's.",
            name,
            wanted,
        )
