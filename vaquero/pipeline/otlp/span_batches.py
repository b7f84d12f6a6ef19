"""Finished spans in, requests in OTLP's wire format out: what the pipeline's writer calls.

::

    codec = SpanCodec(redactor)
    encoding = codec.encode(spans)          # at most 256 spans per call, to yield the interpreter
    for request in encoding.requests:
        spool.append(request.body, items=request.items)
    for reason, number in encoding.quarantined.items():
        stats.drop(reason, number)

A body is a whole ``ExportTraceServiceRequest``. Bodies concatenate: several one after the other
are one valid request again, so the sender joins them without touching their bytes.
"""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING, NamedTuple

from vaquero import _log
from vaquero._guard import describe
from vaquero.pipeline.otlp.attributes import RedactedPaths
from vaquero.pipeline.otlp.foreign_spans import from_readable
from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.resource import ResourceEncoder
from vaquero.pipeline.otlp.salvage import salvage
from vaquero.pipeline.otlp.spans import SpanEncoder, span_field
from vaquero.pipeline.otlp.wire import delimited
from vaquero.record import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.trace import ReadableSpan

    from vaquero.record import Origin
    from vaquero.redaction import Redactor

_DEFAULT_LIMITS = ValueLimits()

#: Why a span is in quarantine: it has no valid ids, or it could not be encoded in any form.
NO_IDS = "invalid_ids"
NOT_ENCODABLE = "not_encodable"


class EncodedRequest(NamedTuple):
    """One request: its bytes and the number of spans in it."""

    body: bytes
    items: int


class Encoding(NamedTuple):
    """What came of one call.

    Attributes:
        requests: Requests of at most the size asked for; a single larger span has its own.
        quarantined: Spans that could not be encoded, by reason. Each is counted alone: the others
            of the batch are in the requests. Nearly always empty.
    """

    requests: list[EncodedRequest]
    quarantined: dict[str, int]


class SpanCodec:
    """Sanitises, redacts and encodes spans. Safe to use from several threads; never raises.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
        limits: How much of a span is sent.
    """

    def __init__(self, redactor: Redactor | None, limits: ValueLimits = _DEFAULT_LIMITS) -> None:
        self._encoder = SpanEncoder(redactor, limits)
        self._resources = ResourceEncoder(redactor, limits)

    def encode(
        self, spans: Iterable[SpanRecord | ReadableSpan], max_bytes: int = 1_048_576
    ) -> Encoding:
        """Encode finished spans, grouped by resource and scope.

        Args:
            spans: Records, or spans of the SDK, in any mixture. At most 256 at a time keep the
                interpreter free for the application.
            max_bytes: The size from which on a new request is begun.

        Returns:
            The requests to be spooled or sent, and what could not be encoded.
        """
        redacted = RedactedPaths()
        requests: list[EncodedRequest] = []
        quarantined: dict[str, int] = {}
        groups = _SpanGroups()
        last: Origin | None = None
        fields: list[bytes] = []
        for span in spans:
            try:
                record = span if isinstance(span, SpanRecord) else from_readable(span)
                origin = record.origin
                body = self._encoder.span(record, redacted)
            except BaseException as error:
                # A broken part: write the span again, each part guarded. The others stay in order.
                _pass_on(error)
                redacted = RedactedPaths()
                salvaged = self._salvaged(span, quarantined)
                if salvaged is None:
                    continue
                origin, body = salvaged
            if origin is not last:
                fields = groups.fields_of(*self._resources.encode(origin))
                last = origin
            if groups.items and groups.size + len(body) > max_bytes:
                requests.append(groups.request())
                groups = _SpanGroups()
                fields = groups.fields_of(*self._resources.encode(origin))
            groups.add(fields, body)
        if groups.items:
            requests.append(groups.request())
        return Encoding(requests, quarantined)

    def _salvaged(
        self, span: SpanRecord | ReadableSpan, quarantined: dict[str, int]
    ) -> tuple[Origin, bytes] | None:
        """A span that failed, in another form; None and a count where there is none."""
        reason = NO_IDS
        try:
            record = salvage(span)
            reason = NOT_ENCODABLE
            body = self._encoder.span(record, RedactedPaths())
        except BaseException as error:
            quarantined[reason] = quarantined.get(reason, 0) + 1
            _log.warn("span:quarantined", "A span could not be encoded (%s).", describe(error))
            return None
        return record.origin, body


def _pass_on(error: BaseException) -> None:
    """Give the user's Ctrl-C, if it came just here, back to the application a moment later."""
    if isinstance(error, KeyboardInterrupt) and (
        threading.current_thread() is threading.main_thread()
    ):
        _thread.interrupt_main()


class _SpanGroups:
    """Spans of one request, by resource and by scope, in the order of their first appearance."""

    __slots__ = ("items", "resources", "size")

    def __init__(self) -> None:
        self.resources: dict[bytes, dict[bytes, list[bytes]]] = {}
        self.items = 0
        self.size = 0

    def fields_of(self, resource: bytes, scope: bytes) -> list[bytes]:
        """Where the spans of this resource and scope go.

        Keyed by the encoded form: equal resources are one group, whoever made them.
        """
        scopes = self.resources.get(resource)
        if scopes is None:
            scopes = self.resources[resource] = {}
            self.size += len(resource) + 16
        fields = scopes.get(scope)
        if fields is None:
            fields = scopes[scope] = []
            self.size += len(scope) + 16
        return fields

    def add(self, fields: list[bytes], body: bytes) -> None:
        """Add a span to those of its resource and scope."""
        fields.append(span_field(body))
        self.items += 1
        self.size += len(body) + 4

    def request(self) -> EncodedRequest:
        """The request of all that was added."""
        out: list[bytes] = []
        for resource, scopes in self.resources.items():
            inside = [resource]
            for scope, spans in scopes.items():
                if spans:
                    inside.append(delimited(2, scope + b"".join(spans)))
            out.append(delimited(1, b"".join(inside)))
        return EncodedRequest(b"".join(out), self.items)
