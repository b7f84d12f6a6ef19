"""Resources and scopes in OTLP's wire format: encoded once, whichever signal they belong to."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from vaquero.pipeline.otlp.attributes import AttributeEncoder, RedactedPaths
from vaquero.pipeline.otlp.foreign_spans import origin_of
from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.salvage import salvaged_origin
from vaquero.pipeline.otlp.text import utf8, wire_text
from vaquero.pipeline.otlp.wire import delimited, optional
from vaquero.record import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaquero.redaction import Redactor

_MAX_ORIGINS = 1024
_DEFAULT_LIMITS = ValueLimits()


class ResourceEncoder:
    """Encodes what stands around spans, points and log records. Safe to use from several threads.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
        limits: How long values may be.
    """

    def __init__(self, redactor: Redactor | None, limits: ValueLimits = _DEFAULT_LIMITS) -> None:
        self._resource_attributes = AttributeEncoder(1, redactor, limits)
        self._scope_attributes = AttributeEncoder(3, redactor, limits)
        # By identity; an origin in here is held, so that its identity stays its own.
        self._encoded: dict[Origin, tuple[bytes, bytes]] = {}

    def encode(self, origin: Origin) -> tuple[bytes, bytes]:
        """Resource and scope of an origin, encoded at its first use.

        Returns:
            The fields ``resource`` and ``schema_url`` of a ``ResourceSpans`` (``ResourceMetrics``,
            ``ResourceLogs``) message, and the fields ``scope`` and ``schema_url`` of a
            ``ScopeSpans`` (``ScopeMetrics``, ``ScopeLogs``) message. What of them is broken is
            left out.
        """
        if not isinstance(cast("object", origin), Origin):
            origin = origin_of(None, None)
        encoded = self._encoded.get(origin)
        if encoded is None:
            try:
                encoded = (self._resource(origin), self._scope(origin))
            except BaseException:
                plain = salvaged_origin(origin)
                encoded = (self._resource(plain), self._scope(plain))
            if len(self._encoded) >= _MAX_ORIGINS:
                self._encoded.clear()
            self._encoded[origin] = encoded
        return encoded

    def _resource(self, origin: Origin) -> bytes:
        resource: Any = origin.resource
        redacted = RedactedPaths()
        out: list[bytes] = []
        attributes = _attributes(resource)
        self._resource_attributes.write(attributes, out, redacted, len(attributes))
        if redacted.paths:
            out.append(self._resource_attributes.redacted_field(redacted.paths))
        schema = wire_text(getattr(resource, "schema_url", None))
        return delimited(1, b"".join(out)) + optional(3, utf8(schema))

    def _scope(self, origin: Origin) -> bytes:
        scope: Any = origin.scope
        if scope is None:
            return delimited(1, b"")
        redacted = RedactedPaths()
        redacted.prefix = "scope."
        out = [
            optional(1, utf8(wire_text(getattr(scope, "name", None)))),
            optional(2, utf8(wire_text(getattr(scope, "version", None)))),
        ]
        attributes = _attributes(scope)
        self._scope_attributes.write(attributes, out, redacted, len(attributes))
        schema = wire_text(getattr(scope, "schema_url", None))
        return delimited(1, b"".join(out)) + optional(3, utf8(schema))


def _attributes(owner: Any) -> Mapping[Any, Any]:
    return getattr(owner, "attributes", None) or MappingProxyType({})
