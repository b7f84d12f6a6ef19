"""What ``vaquero.span`` and ``vaquero.trace`` are given, made usable: nothing is refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.trace import SpanKind

from vaquero import _guard, _log, values
from vaquero._probe import is_a, text_of
from vaquero.compat.span import METADATA, TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link

#: Kind, context, links and start time of a span that is given none of them.
StartOptions = tuple[SpanKind, "Context | None", "Sequence[Link] | None", "int | None"]
DEFAULT_START: StartOptions = (SpanKind.INTERNAL, None, None, None)


def merged(
    attributes: object,
    tags: Mapping[str, object] | None,
    metadata: Mapping[str, object] | None,
    more: Mapping[str, object] | None,
) -> dict[str, object]:
    """All attributes that a span is given, in one new dict."""
    taken: dict[Any, object] = {}
    _add(taken, "", "attributes", attributes)
    _add(taken, TAG, "tags", tags)
    _add(taken, METADATA, "metadata", metadata)
    _add(taken, "", "", more)
    return taken


def _add(taken: dict[Any, object], prefix: str, what: str, given: object) -> None:
    if given is None:
        return
    if not is_a(given, Mapping):
        _log.warn(
            f"span:{what}",
            "%s=%.100r (from argument) is invalid; valid: a mapping; using it as one attribute.",
            what,
            values.freeze(given),
        )
        taken[f"vaquero.{what}"] = given
        return
    try:
        for key, value in cast("Mapping[str, object]", given).items():
            text = text_of(value) if prefix == TAG else value
            taken[f"{prefix}{text_of(key)}" if prefix or type(key) is not str else key] = text
    except Exception as error:
        _guard.report(error, f"reading {what}")


def usable_name(name: object) -> str:
    """A span name in the place of one that is empty or no text; warns."""
    frozen = values.plain(values.freeze(name))
    if is_a(name, str) and isinstance(frozen, str) and frozen:
        return frozen  # A subclass of text, such as a member of an enumeration of texts.
    usable = frozen if isinstance(frozen, str) and is_a(name, (bytes, Enum)) else ""
    if isinstance(frozen, int) and not isinstance(frozen, bool):
        usable = str(frozen)
    usable = usable or "unnamed"
    _log.warn(
        "span:name",
        "name=%.100r (from argument) is invalid; valid: non-empty text; using %.100r.",
        frozen,
        usable,
    )
    return usable


def usable_kind(kind: object) -> SpanKind:
    """OpenTelemetry's kind for a kind, its name, or None; INTERNAL with a warning for the rest."""
    if is_a(kind, SpanKind):
        return kind
    if type(kind) is str and kind.upper() in SpanKind.__members__:
        return SpanKind[kind.upper()]
    if kind is not None:
        _log.warn(
            "span:kind",
            "kind=%.100r (from argument) is invalid; valid: one of %s; using INTERNAL.",
            values.freeze(kind),
            ", ".join(SpanKind.__members__),
        )
    return SpanKind.INTERNAL


def usable_time(time: object) -> int | None:
    """Unix time in nanoseconds; None, with a warning, for what is not a time."""
    if time is None or (is_a(time, int) and not isinstance(time, bool)):
        return time
    if is_a(time, datetime):
        with suppress(Exception):  # A date so early or late that the platform has no time for it.
            return int(time.timestamp() * 1e9)
    _log.warn(
        "span:start_time",
        "start_time=%.100r (from argument) is invalid; valid: Unix time in nanoseconds, "
        "e.g. time.time_ns(); using now.",
        values.freeze(time),
    )
    return None
