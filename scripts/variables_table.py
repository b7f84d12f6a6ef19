"""Every ``OTEL_*`` variable of the specification and of Python, and what becomes of it here.

``docs/variables.md`` is written from this table, and each row is executed by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["works", "differs", "ignored"]


@dataclass(frozen=True)
class Variable:
    """One row.

    Attributes:
        name: The variable; ``{}`` stands for the name of a library.
        status: ``works`` as the specification or upstream's Python has it, ``differs`` from it, or
            ``ignored``.
        note: What it does; for the other two what is different, or why it changes nothing.
        area: The heading that it stands under in the document.
    """

    name: str
    status: Status
    note: str
    area: str


def _works(area: str, name: str, note: str) -> Variable:
    return Variable(name, "works", note, area)


def _differs(area: str, name: str, note: str) -> Variable:
    return Variable(name, "differs", note, area)


def _ignored(area: str, name: str, note: str) -> Variable:
    return Variable(name, "ignored", note, area)


_GENERAL = (
    _differs(
        "General", "OTEL_SDK_DISABLED", "`true` builds nothing: no provider, thread or socket"
    ),
    _differs(
        "General",
        "OTEL_CONFIG_FILE",
        "read by vaquero itself, for `vaquero.init` too; what it cannot honour is named by line, "
        "see [declarative.md](declarative.md)",
    ),
    _ignored(
        "General",
        "OTEL_EXPERIMENTAL_CONFIG_FILE",
        "the name of `OTEL_CONFIG_FILE` before its schema was stable; upstream reads it no more",
    ),
    _works("General", "OTEL_SERVICE_NAME", "`service.name`"),
    _works("General", "OTEL_RESOURCE_ATTRIBUTES", "attributes of the resource, percent-decoded"),
    _differs(
        "General",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
        "runs detectors of upstream and of others beside vaquero's own, which always run",
    ),
    _ignored("General", "OTEL_ENTITIES", "in development; no SDK for Python has entities"),
    _works("General", "OTEL_LOG_LEVEL", "level of the loggers `vaquero` and `opentelemetry`"),
    _differs(
        "General",
        "OTEL_PROPAGATORS",
        "a name that is not installed is logged and left out, where upstream's API fails to import",
    ),
)

_TRACES = (
    _works("Traces", "OTEL_TRACES_EXPORTER", "`otlp`, `console`, `none`, installed names; several"),
    _works("Traces", "OTEL_TRACES_SAMPLER", "the six of the specification, installed names"),
    _works("Traces", "OTEL_TRACES_SAMPLER_ARG", "the share, or the argument of an installed one"),
    _differs("Traces", "OTEL_BSP_SCHEDULE_DELAY", "milliseconds between requests; default 500"),
    _differs(
        "Traces",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "spans that wait in memory; never below 32768, since a full queue would lose a burst",
    ),
    _differs(
        "Traces",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "what is written in one go, up to 128 KiB, is joined into requests up to this number; "
        "default 4096, and a request is at most 1 MiB",
    ),
    _ignored(
        "Traces",
        "OTEL_BSP_EXPORT_TIMEOUT",
        "a request is bounded by `OTEL_EXPORTER_OTLP_TIMEOUT`, a flush by its argument; "
        "upstream does not use it either",
    ),
    _works("Traces", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "attributes of one span"),
    _works("Traces", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "characters of a value of a span"),
    _works("Traces", "OTEL_SPAN_EVENT_COUNT_LIMIT", "events of one span"),
    _works("Traces", "OTEL_SPAN_LINK_COUNT_LIMIT", "links of one span"),
    _works("Traces", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "attributes of one event"),
    _works("Traces", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "attributes of one link"),
    _works("Traces", "OTEL_ATTRIBUTE_COUNT_LIMIT", "where the limit of a span or record is unset"),
    _works("Traces", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "the same for the length of values"),
    _works("Traces", "OTEL_PYTHON_ID_GENERATOR", "`random`, or the name of an installed one"),
)

_METRICS = (
    _works("Metrics", "OTEL_METRICS_EXPORTER", "`otlp`, `console`, `none`, installed names"),
    _differs("Metrics", "OTEL_METRIC_EXPORT_INTERVAL", "milliseconds; default 10000"),
    _works("Metrics", "OTEL_METRIC_EXPORT_TIMEOUT", "milliseconds for one collection"),
    _works("Metrics", "OTEL_METRICS_EXEMPLAR_FILTER", "which measurements keep their span"),
    _works(
        "Metrics",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "`cumulative`, `delta` or `lowmemory`",
    ),
    _works(
        "Metrics",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "explicit or exponential buckets",
    ),
)

_LOGS = (
    _works("Logs", "OTEL_LOGS_EXPORTER", "`otlp`, `console`, `none`, installed names"),
    _differs(
        "Logs",
        "OTEL_BLRP_SCHEDULE_DELAY",
        "of exporters that are not vaquero's; the pipeline sends logs with the spans",
    ),
    _differs("Logs", "OTEL_BLRP_MAX_QUEUE_SIZE", "of exporters that are not vaquero's"),
    _differs("Logs", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "of exporters that are not vaquero's"),
    _differs("Logs", "OTEL_BLRP_EXPORT_TIMEOUT", "of exporters that are not vaquero's"),
    _works(
        "Logs",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "attributes of one record; for records of the API from SDK 1.39 on",
    ),
    _works(
        "Logs", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "characters of a value; likewise"
    ),
    _works("Logs", "OTEL_PYTHON_LOG_HANDLER_LEVEL", "lowest level that is sent; default `info`"),
    _works("Logs", "OTEL_PYTHON_LOG_CORRELATION", "ids in the application's own log lines"),
    _works("Logs", "OTEL_PYTHON_LOG_FORMAT", "their format"),
    _differs(
        "Logs",
        "OTEL_PYTHON_LOG_LEVEL",
        "level of the root logger, with correlation; left alone where unset (upstream: `info`)",
    ),
    _differs(
        "Logs",
        "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION",
        "`false` switches the bridge off, as `VAQUERO_LOGS=false` does",
    ),
    _differs(
        "Logs",
        "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED",
        "the same; on by default here, off by default upstream",
    ),
    _ignored(
        "Logs", "OTEL_PYTHON_LOG_CODE_ATTRIBUTES", "`code.*` is always there: it costs no caller"
    ),
)


def _otlp() -> tuple[Variable, ...]:
    rows: list[Variable] = []
    for middle, of in (
        ("", ""),
        ("TRACES_", " of traces"),
        ("METRICS_", " of metrics"),
        ("LOGS_", " of logs"),
    ):
        area = "OTLP"
        prefix = f"OTEL_EXPORTER_OTLP_{middle}"
        path = "the URL as it is" if middle else "base URL; `/v1/<signal>` is added for HTTP"
        rows += [
            _works(area, f"{prefix}ENDPOINT", path + of),
            _differs(
                area,
                f"{prefix}PROTOCOL",
                f"`http/protobuf` or `grpc`{of}; unset: gRPC for port 4317, else HTTP. `http/json` "
                "is not supported: one warning, then HTTP with protobuf",
            ),
            _works(area, f"{prefix}HEADERS", f"sent with each request{of}; never shown"),
            _differs(
                area,
                f"{prefix}TIMEOUT",
                f"for one request{of}, in seconds as upstream's Python has it; the specification "
                "says milliseconds",
            ),
            _differs(area, f"{prefix}COMPRESSION", f"`none`, `gzip`, and `deflate` too{of}"),
            _works(area, f"{prefix}CERTIFICATE", f"trusted CA certificates{of}"),
            _works(area, f"{prefix}CLIENT_KEY", f"private key for mutual TLS{of}"),
            _works(area, f"{prefix}CLIENT_CERTIFICATE", f"certificate for mutual TLS{of}"),
            _works(area, f"{prefix}INSECURE", f"gRPC without TLS where the URL has no scheme{of}"),
        ]
    for kind in ("HTTP", "GRPC"):
        for middle in ("", "TRACES_", "METRICS_", "LOGS_"):
            rows.append(
                _ignored(
                    "OTLP",
                    f"OTEL_PYTHON_EXPORTER_OTLP_{kind}_{middle}CREDENTIAL_PROVIDER",
                    "gives a session of `requests` or gRPC, which the pipeline does not use; "
                    "`VAQUERO_EXPORTER=opentelemetry` does",
                )
            )
    rows.append(
        _ignored(
            "OTLP",
            "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES",
            "the pipeline retries what the specification lists",
        )
    )
    return tuple(rows)


_OTHER_EXPORTERS = tuple(
    _ignored("Other exporters", name, "belongs to that exporter's own package")
    for name in (
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        "OTEL_EXPORTER_ZIPKIN_PROTOCOL",
        "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
    )
)

_INSTRUMENTATION = (
    _differs(
        "Instrumentation",
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "read by instrumentations; with zero code the current conventions where it is unset",
    ),
    _works(
        "Instrumentation",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
        "names that are left out; `*` for all",
    ),
    _works("Instrumentation", "OTEL_PYTHON_EXCLUDED_URLS", "requests that make no span"),
    _works("Instrumentation", "OTEL_PYTHON_{}_EXCLUDED_URLS", "the same for one library"),
    _works(
        "Instrumentation", "OTEL_PYTHON_GRPC_EXCLUDED_SERVICES", "the same for services of gRPC"
    ),
    *(
        _works(
            "Instrumentation",
            f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_{side}_{kind}",
            "headers that become attributes",
        )
        for side in ("SERVER", "CLIENT")
        for kind in ("REQUEST", "RESPONSE")
    ),
    _works(
        "Instrumentation",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
        "captured headers whose values are replaced; vaquero redacts credentials beside it",
    ),
    _works(
        "Instrumentation",
        "OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS",
        "unknown methods keep their names, in the older conventions",
    ),
    _ignored(
        "Instrumentation",
        "OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS",
        "vaquero's own gauges take the place of that instrumentation; see `VAQUERO_GAUGES`",
    ),
    _works(
        "Instrumentation",
        "OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH",
        "`patch_all`, by the launcher of upstream",
    ),
)

_PYTHON = (
    _works("Python", "OTEL_PYTHON_DISTRO", "which distribution is loaded"),
    _works("Python", "OTEL_PYTHON_CONFIGURATOR", "which configurator is loaded"),
    _works("Python", "OTEL_PYTHON_CONTEXT", "the runtime of the context, by the API"),
    *(
        _ignored(
            "Python",
            f"OTEL_PYTHON_{signal}_PROVIDER",
            "vaquero puts its own providers into the API's places",
        )
        for signal in ("TRACER", "METER", "LOGGER")
    ),
    *(
        _ignored(
            "Python",
            f"OTEL_PYTHON_{signal}_CONFIGURATOR",
            "experimental upstream; the rules of `vaquero_rules` and views do what it is for",
        )
        for signal in ("TRACER", "METER", "LOGGER")
    ),
    _ignored(
        "Python",
        "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED",
        "experimental upstream; the pipeline has metrics of its own, `vaquero.*`",
    ),
)

VARIABLES: tuple[Variable, ...] = (
    *_GENERAL,
    *_TRACES,
    *_METRICS,
    *_LOGS,
    *_otlp(),
    *_OTHER_EXPORTERS,
    *_INSTRUMENTATION,
    *_PYTHON,
)
