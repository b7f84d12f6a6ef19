"""Shell patterns, without compiling those that need none.

Most patterns are a word or the beginning of one. To compile the fifty of a list of network
interfaces takes longer than all readings of a host together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

_LITERAL: Final = re.compile(r"[^*?\[]*")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether ``name`` matches one of the patterns, as ``fnmatch.fnmatchcase`` has it."""
    return any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    found = _LITERAL.match(pattern)
    start = found.group() if found else ""
    if not name.startswith(start):
        return False
    rest = pattern[len(start) :]
    if not rest:
        return name == start
    return rest == "*" or fnmatchcase(name, pattern)
