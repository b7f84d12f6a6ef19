"""Variables that another product reads and vaquero does not, left over from a migration.

Each is shown with its equivalent here; the pages in ``docs/from/`` have the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaquero.cli.doctor.checks import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Prefix of variables, whose they are, and the page that says what to do.
_PREFIXES = (
    ("LOGFIRE_", "logfire", "docs/from/logfire.md"),
    ("DD_", "ddtrace", "docs/from/ddtrace.md"),
    ("SENTRY_", "Sentry", "docs/from/sentry.md"),
    ("ELASTIC_OTEL_", "EDOT", "docs/from/opentelemetry-distro.md"),
    ("SPLUNK_", "Splunk's distribution", "docs/from/opentelemetry-distro.md"),
)

#: What has the same meaning here, for those that people miss first.
_EQUIVALENTS = {
    "LOGFIRE_SERVICE_NAME": "OTEL_SERVICE_NAME",
    "LOGFIRE_TOKEN": "OTEL_EXPORTER_OTLP_HEADERS",
    "LOGFIRE_ENVIRONMENT": "VAQUERO_ENVIRONMENT",
    "DD_SERVICE": "OTEL_SERVICE_NAME",
    "DD_ENV": "VAQUERO_ENVIRONMENT",
    "DD_TRACE_AGENT_URL": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "DD_TRACE_SAMPLE_RATE": "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
    "SENTRY_DSN": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "SENTRY_ENVIRONMENT": "VAQUERO_ENVIRONMENT",
    "SENTRY_TRACES_SAMPLE_RATE": "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
    "SPLUNK_ACCESS_TOKEN": "OTEL_EXPORTER_OTLP_HEADERS",
}

#: Of the original vaquero-sdk: documented, and without meaning here.
_OF_VAQUERO_SDK = (
    "VAQUERO_POSTHOG_KEY",
    "VAQUERO_AUTO_PROVISION_PROJECT",
    "VAQUERO_CAPTURE_TOKENS",
    "VAQUERO_CAPTURE_CODE",
    "VAQUERO_CAPTURE_SYSTEM_PROMPTS",
    "VAQUERO_AUTO_INSTRUMENT_LLM",
    "VAQUERO_DETECT_AGENT_FRAMEWORKS",
)


def find_foreign_variables(environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """One warning for each product whose variables are set; values are never shown."""
    for prefix, whose, page in _PREFIXES:
        names = sorted(name for name in environ if name.startswith(prefix))
        if names:
            yield CheckResult("left over", "warning", f"of {whose}: {_listed(names)}; see {page}")
    original = [name for name in _OF_VAQUERO_SDK if name in environ]
    if original:
        text = f"of vaquero-sdk, without effect: {', '.join(original)}"
        yield CheckResult("left over", "warning", f"{text}; see docs/from/vaquero-sdk.md")


def _listed(names: list[str]) -> str:
    shown = [
        f"{name} (here {_EQUIVALENTS[name]})" if name in _EQUIVALENTS else name
        for name in names[:5]
    ]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(shown) + more
