"""Which attributes a span keeps: the SDK's limits, the first kept, values fixed when they are set.

Where a limit is reached the specification lets the attributes that came first stay, so an identity
set at the start survives; the SDK would evict the oldest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, cast

from opentelemetry.sdk.trace import SpanLimits

from vaquero import _log
from vaquero._guard import describe
from vaquero.values import freeze

#: Types of values that need no care: immutable, and what OTLP has.
NUMBERS = frozenset({int, float, bool})
PLAIN = frozenset({str, int, float, bool})

#: Texts longer than this count for the weight of a span.
LONG_TEXT = 256

_UNLIMITED = 1 << 62

#: ``type``, for values of which nothing is known.
kind_of: Callable[[Any], Any] = type


class Bounds(NamedTuple):
    """How many attributes one owner may have, and how long a text in them may be.

    Attributes:
        most: Largest number of attributes.
        length: Largest number of characters of a text; None for no limit.
        long_text: Texts longer than this need a second look, for length or for weight.
    """

    most: int
    length: int | None
    long_text: int


class Limits(NamedTuple):
    """The limits of a provider, read once from the SDK's ``SpanLimits``."""

    span: Bounds
    event: Bounds
    link: Bounds
    events: int
    links: int


class Tidied(NamedTuple):
    """Attributes that may be kept, how many were dropped, and bytes in large values."""

    attrs: dict[str, Any]
    dropped: int
    weight: int


def default_limits() -> SpanLimits:
    """The SDK's limits by environment; an invalid variable is logged and the defaults are used."""
    try:
        return SpanLimits()
    except ValueError as error:
        _log.warn("limits", "A span limit is not usable, the defaults are used: %s", error)
        return SpanLimits(**dict.fromkeys(_COUNTS, 128), **dict.fromkeys(_LENGTHS, -1))


_COUNTS = (
    "max_attributes",
    "max_events",
    "max_links",
    "max_span_attributes",
    "max_event_attributes",
    "max_link_attributes",
)
_LENGTHS = ("max_attribute_length", "max_span_attribute_length")


def read_limits(limits: SpanLimits) -> Limits:
    """The limits as numbers that can be compared without asking for None."""
    length = limits.max_attribute_length
    return Limits(
        span=_bounds(limits.max_span_attributes, limits.max_span_attribute_length),
        event=_bounds(limits.max_event_attributes, length),
        link=_bounds(limits.max_link_attributes, length),
        events=_or_unlimited(limits.max_events),
        links=_or_unlimited(limits.max_links),
    )


def _bounds(count: int | None, length: int | None) -> Bounds:
    return Bounds(
        _or_unlimited(count), length, LONG_TEXT if length is None else min(length, LONG_TEXT)
    )


def _or_unlimited(limit: int | None) -> int:
    return _UNLIMITED if limit is None else limit


def is_tidy(attrs: dict[str, Any], bounds: Bounds) -> bool:
    """Whether these attributes can be kept as they are."""
    long_text = bounds.long_text
    for key, value in attrs.items():
        kind = kind_of(value)
        if kind is str:
            if len(value) > long_text:
                return False
        elif kind not in NUMBERS:
            return False
        if type(key) is not str:
            return False
    return len(attrs) <= bounds.most and "" not in attrs


def items_of(given: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """What a mapping holds; nothing, and a warning, where it cannot be read."""
    try:
        # A copy in one step: another thread may be changing the caller's mapping.
        return list(given.items())
    except Exception as error:
        _log.warn(
            "attributes", "Attributes that cannot be read are left out (%s).", describe(error)
        )
        return []


def tidy(items: Iterable[tuple[Any, Any]], bounds: Bounds) -> Tidied:
    """Attributes that may be kept: keys checked, values frozen and cut, the first that fit."""
    kept: dict[str, Any] = {}
    dropped = weight = 0
    for key, value in items:
        if not is_usable_key(key) or (len(kept) >= bounds.most and key not in kept):
            dropped += 1
            continue
        if type(key) is not str:
            key = str.__str__(key)
        kept[key] = fixed = fix(value, bounds.length)
        weight += weight_of(fixed)
    return Tidied(kept, dropped, weight)


def is_usable_key(key: object) -> bool:
    """Whether this is a non-empty text; logs a warning where it is not."""
    # By class, and by methods of ``str`` itself: those of a key may do anything.
    textual = issubclass(kind_of(key), str)
    if textual and str.__len__(cast("str", key)):
        return True
    found = "an empty text" if textual else f"of type {type(key).__name__}"
    _log.warn(f"attribute key {found}", "An attribute key must be a non-empty text, not %s.", found)
    return False


def fix(value: object, length: int | None) -> Any:
    """A value that nobody can change any more, its texts cut to ``length`` characters."""
    kind = type(value)
    fixed = value if kind in PLAIN else freeze(value)
    return fixed if length is None else _cut(fixed, length)


def _cut(value: Any, length: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= length else value[:length]
    if isinstance(value, tuple):
        return tuple([_cut(item, length) for item in cast("tuple[Any, ...]", value)])
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: _cut(item, length) for key, item in entries.items()}
    return value


def weight_of(value: Any) -> int:
    """About how many bytes a large value holds; 0 for small ones."""
    kind = kind_of(value)
    if kind is str or kind is bytes:
        size = len(value)
        return size if size > LONG_TEXT else 0
    if kind is tuple:
        return 16 * len(value) + sum(map(weight_of, value))
    if kind is dict:
        return 64 * len(value) + sum(map(weight_of, value.values()))
    return 0
