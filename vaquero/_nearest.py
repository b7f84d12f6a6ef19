"""The known name that a mistyped one probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that is meant; None where nothing is near."""
    import difflib  # Wanted so rarely that no start should pay for it.

    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: ``; did you mean 'x'?``, else a full stop."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else "."
