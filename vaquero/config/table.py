"""The one table of settings: name, variables, kind, default, help.

Where an ``OTEL_*`` variable exists it is the one that is read; ``VAQUERO_*`` stands only where none
does, or where vaquero-sdk had one. Variables are asked in the order given.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from vaquero.config import kinds


class Setting(NamedTuple):
    """One row.

    Attributes:
        name: The argument of ``vaquero.init`` and the key in ``[tool.vaquero]``.
        env: Variables, the first that is set wins.
        kind: How its values are read.
        default: What holds where no source has a valid value.
        help: One phrase.
        secret: Its value is never shown.
        project: May be set in ``pyproject.toml``. Never so for what decides where telemetry goes:
            a cloned repository must not redirect it.
        differs: Why the default is not upstream's; empty where it is, or upstream has none.
    """

    name: str
    env: tuple[str, ...]
    kind: kinds.ValueKind
    default: Any
    help: str
    secret: bool = False
    project: bool = True
    differs: str = ""


def _otlp(signal: str = "") -> tuple[Setting, ...]:
    middle = f"{signal.upper()}_" if signal else ""
    prefix = f"{signal}_" if signal else ""
    of = f" of {signal}" if signal else ""

    def row(name: str, kind: kinds.ValueKind, text: str, *, secret: bool = False) -> Setting:
        env = (f"OTEL_EXPORTER_OTLP_{middle}{name.upper()}",)
        if name == "endpoint" and not signal:
            env += ("VAQUERO_ENDPOINT",)
        return Setting(prefix + name, env, kind, None, text + of, secret=secret, project=False)

    return (
        row("endpoint", kinds.URL, "base URL" if not signal else "full URL"),
        row("protocol", kinds.choice("http/protobuf", "grpc"), "OTLP protocol"),
        row("headers", kinds.PAIRS, "headers sent with each request", secret=True),
        row("timeout", kinds.SECONDS, "seconds for one request"),
        row("compression", kinds.choice("none", "gzip", "deflate"), "compression"),
        row("certificate", kinds.PATH, "file of trusted CA certificates"),
        row("client_key", kinds.PATH, "file of the client's private key"),
        row("client_certificate", kinds.PATH, "file of the client's certificate"),
        row("insecure", kinds.SWITCH, "gRPC without TLS"),
    )


_GENERAL = (
    Setting("disabled", ("OTEL_SDK_DISABLED",), kinds.SWITCH, False, "build nothing at all"),
    Setting(
        "enabled",
        ("VAQUERO_ENABLED",),
        kinds.SWITCH,
        True,
        "`VAQUERO_ENABLED` of vaquero-sdk; `OTEL_SDK_DISABLED` wins",
    ),
    Setting("service_name", ("OTEL_SERVICE_NAME",), kinds.TEXT, None, "service.name"),
    Setting("service_version", (), kinds.TEXT, None, "service.version"),
    Setting(
        "environment",
        ("VAQUERO_ENVIRONMENT", "VAQUERO_MODE"),
        kinds.TEXT,
        None,
        "deployment.environment.name",
    ),
    Setting(
        "resource_attributes",
        ("OTEL_RESOURCE_ATTRIBUTES",),
        kinds.ATTRIBUTES,
        None,
        "attributes of the resource",
    ),
    Setting(
        "resource_detectors",
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",),
        kinds.NAMES,
        ("otel",),
        "resource detectors of upstream to run too",
        differs="host, os, process and instance come from vaquero itself, without blocking",
    ),
    Setting("project_id", ("VAQUERO_PROJECT_ID",), kinds.TEXT, None, "vaquero.project.id"),
    Setting("project_name", ("VAQUERO_PROJECT_NAME",), kinds.TEXT, None, "vaquero.project.name"),
    Setting(
        "api_key",
        ("VAQUERO_API_KEY", "VAQUERO_PROJECT_API_KEY"),
        kinds.TEXT,
        None,
        "key sent as Authorization: Bearer, only to an endpoint that you name",
        secret=True,
        project=False,
    ),
    Setting(
        "run_id",
        ("VAQUERO_RUN_ID",),
        kinds.RUN_ID,
        None,
        "vaquero.run.id: which run all telemetry below is of",
        project=False,
    ),
    Setting("tags", ("VAQUERO_TAGS",), kinds.JSON_OBJECT, None, "vaquero.tag.* on the resource"),
    Setting("quiet", ("VAQUERO_QUIET",), kinds.SWITCH, False, "no lines at start and exit"),
    Setting("console", ("VAQUERO_CONSOLE",), kinds.SWITCH, False, "print spans to stderr"),
    Setting("debug", ("VAQUERO_DEBUG",), kinds.SWITCH, False, "log level DEBUG for vaquero"),
    Setting(
        "sdk_log_level",
        ("OTEL_LOG_LEVEL",),
        kinds.choice("trace", "debug", "info", "warn", "warning", "error", "fatal", "critical"),
        None,
        "level of the loggers vaquero and opentelemetry",
    ),
)

_TRACES = (
    Setting("traces_exporter", ("OTEL_TRACES_EXPORTER",), kinds.NAMES, ("otlp",), "exporters"),
    Setting("sampler", ("OTEL_TRACES_SAMPLER",), kinds.OBJECT, None, "sampler by name"),
    Setting("sampler_arg", ("OTEL_TRACES_SAMPLER_ARG",), kinds.TEXT, None, "its argument"),
    Setting(
        "tail_share",
        ("VAQUERO_TAIL_SHARE",),
        kinds.SHARE,
        None,
        "keep failed and slow traces, and this share of the others",
    ),
    Setting(
        "tail_slow_ms",
        ("VAQUERO_TAIL_SLOW_MS",),
        kinds.MILLISECONDS,
        1000,
        "milliseconds from which a trace is slow, for tail_share",
    ),
    Setting(
        "tail_max_spans",
        ("VAQUERO_TAIL_MAX_SPANS",),
        kinds.COUNT,
        10_000,
        "spans that wait for the end of their trace, for tail_share",
    ),
    Setting("propagators", ("OTEL_PROPAGATORS",), kinds.NAMES, None, "propagators by name"),
    Setting(
        "baggage_attributes",
        ("VAQUERO_BAGGAGE_ATTRIBUTES",),
        kinds.NAMES,
        (),
        "keys of the baggage that become attributes of spans, with * and ?",
    ),
    Setting("id_generator", ("OTEL_PYTHON_ID_GENERATOR",), kinds.OBJECT, None, "id generator"),
    Setting(
        "spans",
        ("VAQUERO_SPANS",),
        kinds.choice("fast", "sdk"),
        "fast",
        "whose spans: vaquero's fast ones, or the SDK's own",
        differs="vaquero's own TracerProvider, a subclass of the SDK's",
    ),
    Setting(
        "schedule_delay_ms",
        ("OTEL_BSP_SCHEDULE_DELAY",),
        kinds.MILLISECONDS,
        500,
        "milliseconds between two requests",
        differs="upstream waits 5000 ms; here a span is seen within a second",
    ),
    Setting(
        "max_queue_size",
        ("OTEL_BSP_MAX_QUEUE_SIZE",),
        kinds.COUNT,
        32_768,
        "spans held in memory before they are written",
        differs="upstream holds 2048 and drops the rest of a burst",
    ),
    Setting(
        "max_export_batch_size",
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE",),
        kinds.COUNT,
        4096,
        "spans in one request",
        differs="upstream sends 512; a request here is also bounded to 1 MiB",
    ),
    Setting(
        "export_timeout_ms",
        ("OTEL_BSP_EXPORT_TIMEOUT",),
        kinds.MILLISECONDS,
        30_000,
        "milliseconds for a flush",
    ),
    Setting("capture_inputs", ("VAQUERO_CAPTURE_INPUTS",), kinds.SWITCH, False, "arguments"),
    Setting("capture_outputs", ("VAQUERO_CAPTURE_OUTPUTS",), kinds.SWITCH, False, "results"),
    Setting("context", ("VAQUERO_CONTEXT",), kinds.SWITCH, True, "carry context into threads"),
)

_LIMITS = tuple(
    Setting(f"{name}_limit", (f"OTEL_{name.upper()}_LIMIT",), kinds.LIMIT, default, text)
    for name, default, text in (
        ("attribute_count", 128, "attributes of one span, event, link or log record"),
        ("attribute_value_length", None, "characters of one attribute value"),
        ("span_attribute_count", None, "attributes of one span"),
        ("span_attribute_value_length", None, "characters of one attribute value of a span"),
        ("span_event_count", 128, "events of one span"),
        ("span_link_count", 128, "links of one span"),
        ("event_attribute_count", None, "attributes of one event"),
        ("link_attribute_count", None, "attributes of one link"),
        ("logrecord_attribute_count", None, "attributes of one log record"),
        ("logrecord_attribute_value_length", None, "characters of one value of a log record"),
    )
)

_METRICS = (
    Setting("metrics_exporter", ("OTEL_METRICS_EXPORTER",), kinds.NAMES, ("otlp",), "exporters"),
    Setting(
        "metric_interval_ms",
        ("OTEL_METRIC_EXPORT_INTERVAL",),
        kinds.MILLISECONDS,
        10_000,
        "milliseconds between two collections",
        differs="upstream collects every 60 s; a cycle here costs a fraction",
    ),
    Setting(
        "metric_timeout_ms",
        ("OTEL_METRIC_EXPORT_TIMEOUT",),
        kinds.MILLISECONDS,
        30_000,
        "milliseconds for one collection",
    ),
    Setting(
        "exemplar_filter",
        ("OTEL_METRICS_EXEMPLAR_FILTER",),
        kinds.choice("trace_based", "always_on", "always_off"),
        "trace_based",
        "which measurements keep their span",
    ),
    Setting(
        "temporality",
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",),
        kinds.choice("cumulative", "delta", "lowmemory"),
        "cumulative",
        "temporality of sums and histograms",
    ),
    Setting(
        "histogram_aggregation",
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",),
        kinds.choice("explicit_bucket_histogram", "base2_exponential_bucket_histogram"),
        "explicit_bucket_histogram",
        "buckets of histograms",
    ),
    Setting("gauges", ("VAQUERO_GAUGES",), kinds.SWITCH, True, "host, process, runtime gauges"),
)

_LOGS = (
    Setting("logs_exporter", ("OTEL_LOGS_EXPORTER",), kinds.NAMES, ("otlp",), "exporters"),
    Setting(
        "logs",
        (
            "VAQUERO_LOGS",
            "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION",
            "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED",
        ),
        kinds.SWITCH,
        True,
        "send log records of stdlib logging, loguru and structlog",
    ),
    Setting(
        "log_level",
        ("OTEL_PYTHON_LOG_HANDLER_LEVEL", "VAQUERO_LOG_LEVEL"),
        kinds.choice("notset", "debug", "info", "warning", "error", "critical"),
        "info",
        "lowest level that is sent",
    ),
    Setting(
        "log_correlation",
        ("OTEL_PYTHON_LOG_CORRELATION",),
        kinds.SWITCH,
        False,
        "trace and span ids in the application's own log lines",
    ),
    Setting("log_format", ("OTEL_PYTHON_LOG_FORMAT",), kinds.TEXT, None, "their format"),
    Setting(
        "log_root_level",
        ("OTEL_PYTHON_LOG_LEVEL",),
        kinds.choice("notset", "debug", "info", "warning", "error", "critical"),
        None,
        "level of the root logger, with log_correlation",
    ),
    Setting(
        "log_schedule_delay_ms",
        ("OTEL_BLRP_SCHEDULE_DELAY",),
        kinds.MILLISECONDS,
        1000,
        "milliseconds between batches, for log exporters that are not vaquero's",
    ),
    Setting(
        "log_max_queue_size",
        ("OTEL_BLRP_MAX_QUEUE_SIZE",),
        kinds.COUNT,
        2048,
        "records that wait, for log exporters that are not vaquero's",
    ),
    Setting(
        "log_max_export_batch_size",
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",),
        kinds.COUNT,
        512,
        "records in one batch, for log exporters that are not vaquero's",
    ),
    Setting(
        "log_export_timeout_ms",
        ("OTEL_BLRP_EXPORT_TIMEOUT",),
        kinds.MILLISECONDS,
        30_000,
        "milliseconds for one batch, for log exporters that are not vaquero's",
    ),
)

_PIPELINE = (
    Setting(
        "exporter",
        ("VAQUERO_EXPORTER",),
        kinds.choice("vaquero", "opentelemetry"),
        "vaquero",
        "whose OTLP exporter: vaquero's pipeline, or upstream's stock exporters",
        differs="vaquero's pipeline: spool, one sender, nothing lost",
    ),
    Setting("redact", ("VAQUERO_REDACT",), kinds.SWITCH, True, "remove secrets before sending"),
    Setting("redact_keys", ("VAQUERO_REDACT_KEYS",), kinds.NAMES, (), "more keys that are secret"),
    Setting("redact_patterns", ("VAQUERO_REDACT_PATTERNS",), kinds.NAMES, (), "more patterns"),
    Setting("spool", ("VAQUERO_SPOOL",), kinds.SWITCH, True, "keep on disk what is not yet sent"),
    Setting(
        "spool_dir",
        ("VAQUERO_SPOOL_DIR",),
        kinds.PATH,
        None,
        "folder of the spool; unset: the user's state folder",
        project=False,
    ),
    Setting(
        "spool_max_bytes",
        ("VAQUERO_SPOOL_MAX_BYTES",),
        kinds.BYTES,
        256 * 1024 * 1024,
        "bytes that the spool may hold, for one user",
    ),
    Setting("spool_max_days", ("VAQUERO_SPOOL_MAX_DAYS",), kinds.DAYS, 7.0, "days it is kept"),
)

#: Compatibility with vaquero-sdk.
_COMPATIBILITY = (
    Setting("batch_size", ("VAQUERO_BATCH_SIZE",), kinds.COUNT, None, "max_export_batch_size"),
    Setting("flush_interval", ("VAQUERO_FLUSH_INTERVAL",), kinds.SECONDS, None, "schedule delay"),
    Setting("max_retries", ("VAQUERO_MAX_RETRIES",), kinds.RETRIES, None, "accepted, unused"),
)

SETTINGS: tuple[Setting, ...] = (
    *_GENERAL,
    *_otlp(),
    *_otlp("traces"),
    *_otlp("metrics"),
    *_otlp("logs"),
    *_TRACES,
    *_LIMITS,
    *_METRICS,
    *_LOGS,
    *_PIPELINE,
    *_COMPATIBILITY,
)
