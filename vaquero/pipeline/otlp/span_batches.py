"""Finished spans in, requests in OTLP's wire format out: what the pipeline's writer calls.

::

    codec = SpanCodec(redactor)
    encoding = codec.encode(spans)          # at most 256 spans per call, to yield the interpreter
    for frame in encoding.frames:
        spool.append(frame.body, items=frame.items)
    for reason, number in encoding.quarantined.items():
        stats.drop(reason, number)

A body is a whole ``ExportTraceServiceRequest``. Bodies concatenate: several one after the other
are one valid request again, so the sender joins frames without touching their bytes.
"""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING, NamedTuple

from vaquero import _log
from vaquero._guard import describe
from vaquero.pipeline.otlp.attributes import Trail
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


class Frame(NamedTuple):
    """One request: its bytes and the number of spans in it."""

    body: bytes
    items: int


class Encoding(NamedTuple):
    """What came of one call.

    Attributes:
        frames: Requests of at most the size asked for; a single larger span has its own.
        quarantined: Spans that could not be encoded, by reason. Each is counted alone: the others
            of the batch are in the frames. Nearly always empty.
    """

    frames: list[Frame]
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
            max_bytes: The size from which on a new frame is begun.

        Returns:
            The frames to be spooled or sent, and what could not be encoded.
        """
        trail = Trail()
        frames: list[Frame] = []
        quarantined: dict[str, int] = {}
        groups = _Groups()
        last: Origin | None = None
        spot: list[bytes] = []
        for span in spans:
            try:
                record = span if isinstance(span, SpanRecord) else from_readable(span)
                origin = record.origin
                body = self._encoder.span(record, trail)
            except BaseException as error:
                # A broken part: lay the span anew, each part guarded. The rest stays in order.
                _pass_on(error)
                trail = Trail()
                mended = self._mended(span, quarantined)
                if mended is None:
                    continue
                origin, body = mended
            if origin is not last:
                spot = groups.spot(*self._resources.encode(origin))
                last = origin
            if groups.items and groups.size + len(body) > max_bytes:
                frames.append(groups.frame())
                groups = _Groups()
                spot = groups.spot(*self._resources.encode(origin))
            groups.add(spot, body)
        if groups.items:
            frames.append(groups.frame())
        return Encoding(frames, quarantined)

    def _mended(
        self, span: SpanRecord | ReadableSpan, quarantined: dict[str, int]
    ) -> tuple[Origin, bytes] | None:
        """A span that failed, in another form; None and a count where there is none."""
        reason = NO_IDS
        try:
            record = salvage(span)
            reason = NOT_ENCODABLE
            body = self._encoder.span(record, Trail())
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


class _Groups:
    """Spans of one frame, by resource and by scope, in the order of their first appearance."""

    __slots__ = ("items", "resources", "size")

    def __init__(self) -> None:
        self.resources: dict[bytes, dict[bytes, list[bytes]]] = {}
        self.items = 0
        self.size = 0

    def spot(self, resource: bytes, scope: bytes) -> list[bytes]:
        """Where the spans of this resource and scope go.

        Keyed by the encoded form: equal resources are one group, whoever made them.
        """
        scopes = self.resources.get(resource)
        if scopes is None:
            scopes = self.resources[resource] = {}
            self.size += len(resource) + 16
        spot = scopes.get(scope)
        if spot is None:
            spot = scopes[scope] = []
            self.size += len(scope) + 16
        return spot

    def add(self, spot: list[bytes], body: bytes) -> None:
        """Add a span to its spot."""
        spot.append(span_field(body))
        self.items += 1
        self.size += len(body) + 4

    def frame(self) -> Frame:
        """The request of all that was added."""
        out: list[bytes] = []
        for resource, scopes in self.resources.items():
            inside = [resource]
            for scope, spans in scopes.items():
                if spans:
                    inside.append(delimited(2, scope + b"".join(spans)))
            out.append(delimited(1, b"".join(inside)))
        return Frame(b"".join(out), self.items)
