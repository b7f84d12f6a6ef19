"""Log records in OTLP's wire format, written by hand.

The layout is that of ``opentelemetry/proto/logs/v1/logs.proto``; values, redaction and resources go
through the encoders that spans use.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from vaquero import _log
from vaquero._guard import describe
from vaquero.pipeline.otlp.attributes import AttributeEncoder, RedactedPaths
from vaquero.pipeline.otlp.foreign_spans import origin_of
from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.numbers import count_of, masked_int, time_of
from vaquero.pipeline.otlp.resource import ResourceEncoder
from vaquero.pipeline.otlp.text import cut_text, utf8, wire_text
from vaquero.pipeline.otlp.wire import count, delimited, optional, varint
from vaquero.redaction import Rule

if TYPE_CHECKING:
    from vaquero.record import Origin
    from vaquero.redaction import Redactor

_TIME = struct.Struct("<BQBQ").pack
_TIME_TAG, _OBSERVED_TAG = 0x09, 0x59  # time_unix_nano = 1, observed_time_unix_nano = 11
_FLAGS = struct.Struct("<BI").pack  # flags = 8, fixed32
_FLAGS_TAG = 0x45
_MASK_32, _MASK_64, _MASK_128 = (1 << 32) - 1, (1 << 64) - 1, (1 << 128) - 1
_LIMITS = ValueLimits()


class LogEncoder:
    """Encodes log records of the SDK as ``ExportLogsServiceRequest``.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
    """

    def __init__(self, redactor: Redactor | None) -> None:
        self._resources = ResourceEncoder(redactor)
        self._attributes = AttributeEncoder(6, redactor, _LIMITS)
        redacts = redactor is not None and redactor.enabled
        self._body_rule = Rule.TEXT if redacts else Rule.OFF

    def encode(self, records: list[Any]) -> tuple[bytes, int]:
        """One request, and how many records are in it; what cannot be encoded is left out."""
        groups: dict[tuple[bytes, bytes], list[bytes]] = {}
        items = 0
        for record in records:
            try:
                around = self._resources.encode(_origin_of(record))
                body = self._record(record)
            except BaseException as error:
                _log.warn("log:encode", "A log record could not be encoded (%s).", describe(error))
                continue
            groups.setdefault(around, []).append(delimited(2, body))
            items += 1
        return b"".join(
            delimited(1, resource + delimited(2, scope + b"".join(bodies)))
            for (resource, scope), bodies in groups.items()
        ), items

    def _record(self, record: Any) -> bytes:
        log = record.log_record
        at = time_of(log.timestamp)
        redacted = RedactedPaths()
        severity = getattr(log.severity_number, "value", None)
        out = [
            _TIME(_TIME_TAG, at, _OBSERVED_TAG, time_of(log.observed_timestamp, at)),
            count(2, count_of(severity)),
            optional(3, utf8(cut_text(wire_text(log.severity_text), 1024))),
        ]
        if log.body is not None:
            # Text without a key is looked through like the value of a harmless one.
            body = self._attributes.any_value(log.body, self._body_rule, "body", redacted)
            out.append(delimited(5, body))
        attributes = dict(log.attributes or {})
        dropped = self._attributes.write(attributes, out, redacted, _LIMITS.attributes)
        if redacted.paths:
            out.append(self._attributes.redacted_field(redacted.paths))
        before = getattr(record, "dropped_attributes", None)
        if before is None:
            before = getattr(log, "dropped_attributes", 0)
        out.append(count(7, dropped + count_of(before)))
        flags = masked_int(log.trace_flags, _MASK_32)
        if flags:
            out.append(_FLAGS(_FLAGS_TAG, flags))
        trace, span = masked_int(log.trace_id, _MASK_128), masked_int(log.span_id, _MASK_64)
        if trace:
            out.append(b"\x4a\x10" + trace.to_bytes(16, "big"))
        if span:
            out.append(b"\x52\x08" + span.to_bytes(8, "big"))
        name = wire_text(getattr(log, "event_name", None))
        if name:
            out.append(b"\x62" + _sized(utf8(cut_text(name, 1024))))
        return b"".join(out)


def _origin_of(record: Any) -> Origin:
    # SDK 1.38 keeps the resource on the inner record, later ones on the outer.
    resource = getattr(record, "resource", None)
    if resource is None:
        resource = getattr(record.log_record, "resource", None)
    return origin_of(resource, record.instrumentation_scope)


def _sized(data: bytes) -> bytes:
    return varint(len(data)) + data
