"""Replacing an attribute of somebody else's module or class, and putting back what was there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def replace(owner: Any, name: str, replacement: object) -> Callable[[], None]:
    """Put this in the place of an attribute.

    Args:
        owner: A module or a class.
        name: The attribute.
        replacement: What stands there from now on; usually calls what stood there before.

    Returns:
        A call that puts back what was there. Where somebody else has replaced the attribute since,
        it changes nothing: theirs may call ours.
    """
    before = getattr(owner, name)
    setattr(owner, name, replacement)

    def restore() -> None:
        if getattr(owner, name) is replacement:
            setattr(owner, name, before)

    return restore
