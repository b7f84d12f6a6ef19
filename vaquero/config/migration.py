"""Writes a declarative file from the settings that hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from vaquero.config.load import Settings
from vaquero.config.schema_paths import BATCH, INSTRUMENTATION, OTLP, SECTIONS, SETTING_PATHS

_OTLP_ROWS = (
    "endpoint",
    "protocol",
    "headers",
    "timeout",
    "compression",
    "certificate",
    "client_key",
    "client_certificate",
    "insecure",
)
#: Settings that have places of their own in the schema; the others go below ``distribution``.
_PLACED = {
    *SETTING_PATHS,
    *BATCH.values(),
    *(f"log_{name}" for name in BATCH.values()),
    *_OTLP_ROWS,
    *(f"{signal}_{row}" for signal in SECTIONS for row in _OTLP_ROWS),
    *(f"{signal}_exporter" for signal in SECTIONS),
    "service_name",
    "resource_attributes",
    "resource_detectors",
    "propagators",
    "sampler",
    "sampler_arg",
    "id_generator",
    "metric_interval_ms",
    "metric_timeout_ms",
    "temporality",
    "histogram_aggregation",
}
_HTTP_SAMPLERS = ("always_on", "always_off", "traceidratio")


def document(settings: Settings, environ: Mapping[str, str]) -> str:
    """The text of a file, for ``OTEL_CONFIG_FILE``.

    Args:
        settings: What is written. Secrets are not written: the file refers to their variables.
        environ: Where variables of instrumentations are taken from.
    """
    tree: dict[str, Any] = {"file_format": "1.0"}
    for name, place in SETTING_PATHS.items():
        if settings.is_set(name):
            _put(tree, place, settings[name])
    _resource(tree, settings)
    if settings["propagators"] is not None:
        names = [name for name in settings["propagators"] if name != "none"]
        _put(tree, "propagator.composite", [{name: None} for name in names])
    for signal in SECTIONS:
        _signal(tree, signal, settings)
    if settings["sampler"] is not None:
        _put(tree, "tracer_provider.sampler", _sampler(settings))
    if isinstance(settings["id_generator"], str):
        _put(tree, "tracer_provider.id_generator", {settings["id_generator"]: None})
    for place, variable in INSTRUMENTATION.items():
        if environ.get(variable):
            value: Any = environ[variable]
            if not place.endswith("_list"):
                value = [part.strip() for part in value.split(",")]
            _put(tree, f"instrumentation/development.{place}", value)
    for row in settings.rows():
        name = row.setting.name
        if name in _PLACED or row.source == "default" or row.source == "argument":
            continue
        value = f"${{{row.name}}}" if row.setting.secret else _simple(row.value)
        _put(tree, f"distribution.vaquero.{name}", value)
    return "\n".join(_lines(tree, 0)) + "\n"


def _resource(tree: dict[str, Any], settings: Settings) -> None:
    found: dict[str, Any] = dict(settings["resource_attributes"] or {})
    if settings["service_name"]:
        found["service.name"] = settings["service_name"]
    if found:
        pairs = [{"name": key, "value": _simple(value)} for key, value in found.items()]
        _put(tree, "resource.attributes", pairs)
    more = [name for name in settings["resource_detectors"] if name != "otel"]
    if more:
        detectors = [{name: None} for name in more]
        _put(tree, "resource.detection/development.detectors", detectors)


def _signal(tree: dict[str, Any], signal: str, settings: Settings) -> None:
    section, holder = SECTIONS[signal]
    parts: list[dict[str, Any]] = []
    for name in settings[f"{signal}_exporter"]:
        if name == "none":
            continue
        body: dict[str, Any] = {}
        kind = "batch"
        if signal == "metrics":
            kind = "periodic"
            body["interval"] = settings["metric_interval_ms"]
            body["timeout"] = settings["metric_timeout_ms"]
        else:
            prefix = "log_" if signal == "logs" else ""
            for key, setting in BATCH.items():
                if settings.is_set(prefix + setting):
                    body[key] = settings[prefix + setting]
        otlp = name in ("otlp", "otlp_proto_http", "otlp_proto_grpc")
        body["exporter"] = _otlp(signal, settings) if otlp else {name: None}
        parts.append({kind: body})
    if parts:
        _put(tree, f"{section}.{holder}", parts)


def _otlp(signal: str, settings: Settings) -> dict[str, Any]:
    def of(name: str) -> tuple[str, Any]:
        own = f"{signal}_{name}"
        return (own, settings[own]) if settings[own] is not None else (name, settings[name])

    protocol = of("protocol")[1]
    endpoint_name, endpoint = of("endpoint")
    if protocol is None:
        protocol = "grpc" if endpoint and endpoint.endswith(":4317") else "http/protobuf"
    exporter: dict[str, Any] = {}
    for place, name in OTLP.items():
        value = of(name)[1]
        if name == "endpoint" and value is not None:
            written = settings.raw(endpoint_name)
            bare = protocol == "grpc" and isinstance(written, str) and "://" not in written
            value = written if bare else value
            if endpoint_name == "endpoint" and protocol != "grpc":
                value = f"{value.rstrip('/')}/v1/{signal}"
        if value is not None:
            _put(exporter, place, value)
    if of("timeout")[1] is not None:
        exporter["timeout"] = int(of("timeout")[1] * 1000)
    name, headers = of("headers")
    if headers:
        # Never the values: they are credentials, and the file may be shared.
        variable = f"OTEL_EXPORTER_OTLP_{name.upper()}"
        exporter["headers_list"] = f"${{{variable}}}"
    if signal == "metrics":
        if settings.is_set("temporality"):
            preference = settings["temporality"]
            exporter["temporality_preference"] = (
                "low_memory" if preference == "lowmemory" else preference
            )
        if settings.is_set("histogram_aggregation"):
            exporter["default_histogram_aggregation"] = settings["histogram_aggregation"]
    return {"otlp_grpc" if protocol == "grpc" else "otlp_http": exporter or None}


def _sampler(settings: Settings) -> dict[str, Any]:
    wanted: Any = settings["sampler"]
    if isinstance(wanted, Mapping):
        return dict(wanted)  # pyright: ignore[reportUnknownArgumentType]
    name = str(wanted).strip().lower()
    plain = name.removeprefix("parentbased_")
    if plain not in _HTTP_SAMPLERS:
        argument = settings["sampler_arg"]
        return {str(wanted): None if argument is None else {"argument": argument}}
    root: dict[str, Any] = {plain: None}
    if plain == "traceidratio":
        root = {"trace_id_ratio_based": {"ratio": float(settings["sampler_arg"] or 1.0)}}
    return {"parent_based": {"root": root}} if name != plain else root


def _simple(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return value


def _put(tree: dict[str, Any], place: str, value: Any) -> None:
    *above, last = place.split(".")
    for key in above:
        tree = tree.setdefault(key, {})
    tree[last] = value


def _lines(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, dict):
        pairs: dict[str, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
        for key, below in pairs.items():
            yield from _pair(f"{pad}{_key(key)}:", below, depth)
        return
    for part in value:
        if not isinstance(part, dict):
            yield f"{pad}- {_scalar(part)}"
            continue
        first, *rest = _lines(part, depth + 1)
        yield f"{pad}- {first.lstrip()}"
        yield from rest


def _pair(head: str, below: Any, depth: int) -> Iterator[str]:
    if isinstance(below, dict | list) and below:
        yield head
        yield from _lines(below, depth + 1)
    elif isinstance(below, dict | list):
        yield f"{head} {'{}' if isinstance(below, dict) else '[]'}"
    else:
        yield head if below is None else f"{head} {_scalar(below)}"


def _key(key: str) -> str:
    plain = key.replace("_", "").replace(".", "").replace("/", "").replace("-", "")
    return key if plain.isalnum() and plain.isascii() else _scalar(key)


def _scalar(value: Any) -> str:
    """A scalar of YAML: JSON is YAML, but a dollar sign begins a reference."""
    if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        return value
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text.replace("$", "$$") if isinstance(value, str) else text
