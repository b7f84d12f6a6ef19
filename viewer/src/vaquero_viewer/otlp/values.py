"""OTLP values as plain Python and as JSON text, and the ids made from them."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from vaquero_viewer.otlp.batch import Batch
from vaquero_viewer.otlp.runs import Run, run_of_resource

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_sorted = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True
).encode

UNKNOWN_SERVICE = "unknown_service"


def number(value: float) -> float | str:
    """A float as JSON can hold it: ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` are text."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def plain(value: AnyValue) -> Any:
    """An ``AnyValue`` as what ``json`` can write; bytes become base64 text."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "int_value":
        return value.int_value
    if kind == "double_value":
        return number(value.double_value)
    if kind == "bool_value":
        return value.bool_value
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    return None


def mapping(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as a dictionary; of a repeated key the last value stays."""
    values: dict[str, Any] = {}
    for item in attributes:
        value = item.value
        # Text first, and the usual kinds without a call: this runs for each attribute there is.
        # Only one field of the value is set, so a text that is not empty is the value.
        text = value.string_value
        if text:
            values[item.key] = text
        elif value.WhichOneof("value") == "int_value":
            values[item.key] = value.int_value
        else:
            values[item.key] = plain(value)
    return values


def text_of(attributes: Mapping[str, Any], *names: str) -> str | None:
    """The first of the attributes that is a text and not empty; other kinds do not count."""
    for name in names:
        value = attributes.get(name)
        if value and isinstance(value, str):
            return value
    return None


def json_text(value: Any) -> str:
    """Compact JSON of a value made of plain Python."""
    return _encode(value)


def canonical(value: Any) -> str:
    """Compact JSON with sorted keys: equal values give equal text."""
    return _encode_sorted(value)


def hash64(*parts: object) -> int:
    """A stable unsigned 64-bit number for the text of ``parts``."""
    text = "\x1f".join(map(str, parts)).encode("utf-8")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


class RecordOrigin(NamedTuple):
    """Where records come from.

    Attributes:
        resource_id: Equal resources have equal ids.
        service: The service name.
        run_id: The run, ``None`` where the resource names none.
        run: What the resource says about that run.
    """

    resource_id: int
    service: str
    run_id: str | None
    run: Run | None


def add_resource(batch: Batch, resource: Resource, schema_url: str) -> RecordOrigin:
    """Put a resource, and what it says about its run, into the batch."""
    attributes = mapping(resource.attributes)
    text = canonical(attributes)
    resource_id = hash64("resource", text, schema_url)
    service = str(attributes.get("service.name") or UNKNOWN_SERVICE)
    run = run_of_resource(attributes, service, batch.received_ns)
    run_id = run.run_id if run is not None else None
    if resource_id not in batch.resources:
        batch.resources[resource_id] = (resource_id, service, text, schema_url, run_id)
        if run is not None:
            batch.add_run(run)
    return RecordOrigin(resource_id, service, run_id, run)


def add_scope(batch: Batch, scope: InstrumentationScope, schema_url: str) -> int:
    """Put an instrumentation scope into the batch; equal scopes have equal ids."""
    text = canonical(mapping(scope.attributes))
    scope_id = hash64("scope", scope.name, scope.version, text, schema_url)
    if scope_id not in batch.scopes:
        batch.scopes[scope_id] = (scope_id, scope.name, scope.version, text, schema_url)
    return scope_id
