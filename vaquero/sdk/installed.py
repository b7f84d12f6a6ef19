"""Things of other packages that a setting names: found by entry points, loaded, judged by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaquero import _guard
from vaquero.config.judgement import Fault, Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence


class NotInstalledError(LookupError):
    """No package that is installed offers this name."""


def load(group: str, name: str) -> Any:
    """What an entry point of this name stands for.

    Raises:
        NotInstalledError: There is none.
        Exception: Whatever the other package raises while it is loaded.
    """
    # Imported only where a name asks for it: it brings the parser of e-mail along.
    from importlib.metadata import entry_points

    for point in entry_points(group=group, name=name):
        return point.load()
    raise NotInstalledError(name)


def names(group: str, *more: str) -> str:
    """The names that are valid: those installed and these, as a list in words."""
    from importlib.metadata import entry_points

    return ", ".join(sorted({*(point.name for point in entry_points(group=group)), *more}))


def judge_names(
    group: str,
    wanted: Sequence[str],
    *,
    builtin: Collection[str] = (),
    make: Callable[[Any], Any] | None = None,
    using: str = "",
) -> Judgement:
    """Judge names of which several may be given; those that can be had are used.

    Args:
        group: Of the entry points.
        wanted: The names as they were given.
        builtin: Names that need no entry point.
        make: Called with what was loaded; that itself is taken where this is None.
        using: What holds where none can be had, and no other source gives a value.
    """
    made: dict[str, Any] = {}
    usable: list[str] = []
    reasons: list[str] = []
    parts: list[tuple[int]] = []
    for index, name in enumerate(wanted):
        if name not in builtin:
            try:
                found = load(group, name)
                made[name] = found if make is None else make(found)
            except NotInstalledError:
                parts.append((index,))
                continue
            except Exception as error:
                parts.append((index,))
                reasons.append(f"{name} cannot be loaded: {_guard.describe(error)}")
                continue
        usable.append(name)
    if not parts:
        return Judgement(tuple(wanted), made)
    why = f" ({'; '.join(reasons)})" if reasons else ""
    valid = f"some of {names(group, *builtin)}, separated by commas{why}"
    if not usable:
        return Judgement(None, None, Fault(valid, using, parts=tuple(parts)))
    return Judgement(tuple(usable), made, Fault(valid, ",".join(usable), parts=tuple(parts)))
