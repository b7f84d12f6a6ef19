"""Patterns that are compiled when they are first used.

Two dozen of them take 10 ms to compile, most guard against what a given program never sends, and a
program that only starts and ends uses none.
"""

from __future__ import annotations

import re
from typing import Any, cast

_METHODS = ("search", "match", "fullmatch", "sub", "finditer", "findall")


class _Pattern:
    """Stands for a compiled pattern; from the first use on its methods are that pattern's own."""

    def __init__(self, text: str, flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        # Threads that meet here at once do the same twice, which harms nothing.
        compiled = re.compile(*self._given)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern for module level: as ``re.compile``, but not before somebody uses it.

    It has the methods of a pattern that redaction uses, and no attributes.
    """
    return cast("re.Pattern[str]", _Pattern(text, flags))
