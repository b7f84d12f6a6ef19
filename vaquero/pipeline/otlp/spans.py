"""A finished span in OTLP's wire format, written by hand.

Building protobuf objects from Python is what costs in the SDK's exporter, not their serialisation;
so the bytes are written directly. The result is the same message, field for field, that
``opentelemetry-exporter-otlp-proto-common`` makes of the same span (tests compare them), but for
what cannot be sent as it is: that is sanitised, and secrets are redacted, in the same pass.

As in the SDK's encoder, ``flags`` carry only whether the parent is remote, and links carry no
trace state.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind

from vaquero.pipeline.otlp.attributes import AttributeEncoder, RedactedPaths
from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.text import cut_text, utf8, wire_text
from vaquero.pipeline.otlp.wire import count, delimited, optional, pack_fixed64, varint
from vaquero.redaction import Redactor, Rule

if TYPE_CHECKING:
    from vaquero.record import EventRecord, LinkRecord, SpanExtra, SpanRecord

# Ids go big-endian: trace_id = 1 (16 bytes), span_id = 2 (8), parent_span_id = 4 (8).
_ROOT = struct.Struct(">HQQHQ").pack
_CHILD = struct.Struct(">HQQHQHQ").pack
_TRACE_TAG, _SPAN_TAG, _PARENT_TAG = 0x0A10, 0x1208, 0x2208
# Times go little-endian: start_time_unix_nano = 7, end_time_unix_nano = 8, both fixed64.
_TIMES = struct.Struct("<BQBQ").pack
_START_TAG, _END_TAG = 0x39, 0x41
_LOW_64 = 0xFFFFFFFFFFFFFFFF

#: ``flags`` (16, fixed32): bit 8 says that bit 9 is known, bit 9 that the parent is remote.
_LOCAL_FLAGS = b"\x85\x01" + (0x100).to_bytes(4, "little")
_REMOTE_FLAGS = b"\x85\x01" + (0x300).to_bytes(4, "little")
#: The same of a link, where they are field 6.
_LOCAL_LINK = b"\x35" + (0x100).to_bytes(4, "little")
_REMOTE_LINK = b"\x35" + (0x300).to_bytes(4, "little")

#: ``kind`` (6) by the API's number; OTLP counts from 1.
_KINDS: dict[int, bytes] = {kind.value: bytes((0x30, kind.value + 1)) for kind in SpanKind}
#: ``status`` (15) that is unset: present but empty.
_NO_STATUS = b"\x7a\x00"

_MAX_NAMES = 4096
_CACHED_NAME_CHARS = 256
#: Tried one after the other on a span that is too large, as the limit of a single value.
_SMALLER_VALUES = (4096, 256)
_NO_BOUND = 1 << 60


class TooLargeError(Exception):
    """The span is larger than its limit; another encoder with smaller values must take it."""


class SpanEncoder:
    """Encodes one span after another. Safe to use from several threads.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
        limits: How much of a span is sent.
    """

    def __init__(self, redactor: Redactor | None, limits: ValueLimits) -> None:
        self.limits = limits
        self._redactor = redactor if redactor is not None and redactor.enabled else None
        self._attributes = AttributeEncoder(9, redactor, limits)
        self._event_attributes = AttributeEncoder(3, redactor, limits)
        self._link_attributes = AttributeEncoder(4, redactor, limits)
        self._names: dict[str, bytes] = {}
        self._smaller: list[SpanEncoder] = []

    def span(self, record: SpanRecord, redacted: RedactedPaths) -> bytes:
        """The body of a ``Span`` message.

        Args:
            record: A finished span.
            redacted: Takes the paths of what was redacted; empty on entry and on return.

        Raises:
            Exception: Where a part is not of the kind that it should be (``struct.error`` for ids
                and times out of range); :func:`~vaquero.pipeline.otlp.salvage.salvage` mends that.
        """
        try:
            return self._span(record, redacted)
        except TooLargeError:
            *smaller, smallest = self._smaller or self._make_smaller()
        for encoder in smaller:
            redacted.prefix, redacted.paths = "", []
            with suppress(TooLargeError):
                return encoder._span(record, redacted)
        redacted.prefix, redacted.paths = "", []
        return smallest._span(record, redacted)

    def _make_smaller(self) -> list[SpanEncoder]:
        limits = [replace(self.limits, value_bytes=size) for size in _SMALLER_VALUES]
        limits.append(
            replace(
                limits[-1],
                attributes=min(32, self.limits.attributes),
                event_attributes=min(16, self.limits.event_attributes),
                link_attributes=min(16, self.limits.link_attributes),
                events=min(16, self.limits.events),
                links=min(16, self.limits.links),
                span_bytes=_NO_BOUND,  # What is left now is sent whatever it is.
            )
        )
        self._smaller = [SpanEncoder(self._redactor, limit) for limit in limits]
        return self._smaller

    def _span(self, record: SpanRecord, redacted: RedactedPaths) -> bytes:
        trace, span, parent = record.trace_no, record.span_no, record.parent_no
        if not trace or not span:
            raise ValueError("the span has no valid ids")
        high = trace >> 64
        if parent:
            ids = _CHILD(_TRACE_TAG, high, trace & _LOW_64, _SPAN_TAG, span, _PARENT_TAG, parent)
        else:
            ids = _ROOT(_TRACE_TAG, high, trace & _LOW_64, _SPAN_TAG, span)
        start, end = record.start_ns, record.end_ns
        title = record.title
        out = [
            ids,
            self._names.get(title) or self._name(title, redacted),
            _KINDS[record.span_kind._value_],
            _TIMES(_START_TAG, start, _END_TAG, end if end >= start else start),
            _REMOTE_FLAGS if record.parent_remote else _LOCAL_FLAGS,
        ]
        dropped = 0
        if record.attrs:
            dropped = self._attributes.write(record.attrs, out, redacted, self.limits.attributes)
        if record.state:
            out.append(delimited(3, _state(record.state)))
        extra = record.extra
        if extra is None:
            out.append(_NO_STATUS)
        else:
            self._extra(extra, out, redacted)
            dropped += extra.dropped_attrs
        if dropped:
            out.append(count(10, dropped))
        if redacted.paths:
            out.append(self._attributes.redacted_field(redacted.paths))
            redacted.paths = []
        body = b"".join(out)
        if len(body) > self.limits.span_bytes:
            raise TooLargeError
        return body

    def _name(self, title: object, redacted: RedactedPaths) -> bytes:
        name = wire_text(title)
        clean = self._clean(name, "name", redacted)
        field = optional(5, utf8(cut_text(clean, self.limits.value_bytes)))
        if clean is name and title is name and 0 < len(name) <= _CACHED_NAME_CHARS:
            if len(self._names) >= _MAX_NAMES:
                self._names.clear()
            self._names[name] = field
        return field

    def _clean(self, text: str, path: str, redacted: RedactedPaths) -> str:
        """Text that is no attribute (a name, a description), without secrets."""
        redactor = self._redactor
        if redactor is None:
            return text
        window = text[: self.limits.value_bytes * 2]
        clean = redactor.clean(Rule.TEXT, window)
        if clean is window:
            return text
        kept = redactor.ask(redacted.prefix + path, text)
        if kept is not None:
            return wire_text(kept)
        redacted.add(path)
        return clean

    def _extra(self, extra: SpanExtra, out: list[bytes], redacted: RedactedPaths) -> None:
        events, links = extra.events or (), extra.links or ()
        limits = self.limits
        left = limits.span_bytes
        for number, event in enumerate(events[: limits.events]):
            out.append(delimited(11, self._event(event, f"events[{number}].", redacted)))
            left -= len(out[-1])
            if left < 0:  # At once: all of them together may be larger than memory.
                raise TooLargeError
        for number, link in enumerate(links[: limits.links]):
            out.append(delimited(13, self._link(link, f"links[{number}].", redacted)))
            left -= len(out[-1])
            if left < 0:
                raise TooLargeError
        redacted.prefix = ""
        out.append(count(12, extra.dropped_events + max(len(events) - limits.events, 0)))
        out.append(count(14, extra.dropped_links + max(len(links) - limits.links, 0)))
        message = b""
        if extra.status_text is not None:
            text = self._clean(wire_text(extra.status_text), "status.message", redacted)
            message = utf8(cut_text(text, limits.value_bytes))
        out.append(delimited(15, optional(2, message) + count(3, extra.status_no)))

    def _event(self, event: EventRecord, where: str, redacted: RedactedPaths) -> bytes:
        redacted.prefix = where
        name = self._clean(wire_text(event.name), "name", redacted)
        out = [
            b"\x09",
            pack_fixed64(event.time_ns),
            optional(2, utf8(cut_text(name, self.limits.value_bytes))),
        ]
        dropped = event.dropped_attrs
        if event.attrs:
            most = self.limits.event_attributes
            dropped += self._event_attributes.write(event.attrs, out, redacted, most)
        out.append(count(4, dropped))
        return b"".join(out)

    def _link(self, link: LinkRecord, where: str, redacted: RedactedPaths) -> bytes:
        redacted.prefix = where
        high, low = link.trace_no >> 64, link.trace_no & _LOW_64
        out = [
            _ROOT(_TRACE_TAG, high, low, _SPAN_TAG, link.span_no),
            _REMOTE_LINK if link.remote else _LOCAL_LINK,
        ]
        dropped = link.dropped_attrs
        if link.attrs:
            most = self.limits.link_attributes
            dropped += self._link_attributes.write(link.attrs, out, redacted, most)
        out.append(count(5, dropped))
        return b"".join(out)


def _state(state: Any) -> bytes:
    """A W3C trace state as its header has it."""
    return utf8(",".join(f"{key}={value}" for key, value in state.items()))


def span_field(body: bytes) -> bytes:
    """A span's body as a field of ``ScopeSpans``."""
    return b"".join((b"\x12", varint(len(body)), body))
