"""Asking objects that the application gave, whatever their own methods do: nothing here raises."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry.context import Context

from vaquero import _log
from vaquero._guard import describe
from vaquero.values import freeze

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import TypeIs

T = TypeVar("T")

#: Links of one span that are looked at where they come from an object of unknown kind.
MAX_LINKS = 1024


def is_a(value: object, kinds: type[T] | tuple[type[T], ...]) -> TypeIs[T]:
    """``isinstance``; an object whose ``__class__`` raises is nothing of the kind."""
    try:
        return isinstance(value, kinds)
    except Exception:
        return False


def is_truthy(given: object) -> bool:
    """Whether this is true to Python; also where asking fails, as for an array."""
    try:
        return given is not None and bool(given)
    except Exception:
        return True


def text_of(value: object) -> str:
    """Any value as text, exactly ``str``."""
    frozen = freeze(value)
    return frozen if isinstance(frozen, str) else str(frozen)


def key_of(key: object) -> str:
    """The key of an attribute as text that is not empty."""
    return text_of(key) or "<empty>"


def readable_attributes(given: Any) -> dict[Any, Any] | None:
    """Attributes as a plain dict; what cannot be read is left out with a warning."""
    if given is None or type(given) is dict:
        return cast("Any", given)
    try:
        return dict(given.items())
    except Exception as error:
        _log.warn(
            "attributes", "Attributes that cannot be read are left out (%s).", describe(error)
        )
        return {}


def usable_context(given: Any) -> Context | None:
    """The context; None, which is the current one, for what is none."""
    return given if given is None or is_a(given, Context) else None


def listed(given: Iterable[Any] | None) -> list[Any] | tuple[Any, ...] | None:
    """A sequence as a plain one, as far as it can be read."""
    if given is None or type(given) in (list, tuple):
        return cast("list[Any] | tuple[Any, ...] | None", given)
    taken: list[Any] = []
    try:
        for item in islice(given, MAX_LINKS):
            taken.append(item)  # noqa: PERF402 - what was read before a failure is kept
    except Exception as error:
        _log.warn("links", "Links that cannot be read are left out (%s).", describe(error))
    return taken
