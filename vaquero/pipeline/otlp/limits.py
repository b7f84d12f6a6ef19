"""How much of a span, a log record or a measurement is sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ValueLimits:
    """How much of a span is sent. What is beyond is cut, and the cut is marked.

    Attributes:
        value_bytes: Bytes of one text or bytes value, in UTF-8. What is longer ends in
            ``...[truncated N]``, N being the characters (for bytes: bytes) left out.
        attributes: Attributes of a span; the first are kept, the rest is counted as dropped.
        event_attributes: Attributes of an event, likewise.
        link_attributes: Attributes of a link, likewise.
        events: Events of a span, likewise.
        links: Links of a span, likewise.
        span_bytes: Bytes of one encoded span. A larger one is encoded again with smaller values.
    """

    value_bytes: int = 65_536
    attributes: int = 128
    event_attributes: int = 128
    link_attributes: int = 128
    events: int = 128
    links: int = 128
    span_bytes: int = 4 * 1024 * 1024
