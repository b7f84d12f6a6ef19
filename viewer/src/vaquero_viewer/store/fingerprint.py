"""Fingerprints of database statements: what is equal in all calls of one query."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from vaquero_conditions import sql

MAX_STATEMENT = 16_384
"""Characters of a statement that count; the rest of a longer one is cut off before."""

Statement = tuple[str, str]
"""The text of a statement, and ``db.system.name`` of its span (empty if unknown)."""

_CACHED_CHARS = 4096

# A statement with its values in it is another text each time, and to take it apart costs three
# times what a span does. So plain values are taken out first, cheaply, and what is left is looked
# up. That is safe only where a quote is a quote: not with comments or escapes.
_NOT_PLAIN = re.compile(r"--|/\*|[#\\$\[]")
_VALUE = re.compile(r"""("[^"]*"|`[^`]*`)|'[^']*'|(?<![\w.:@%-])\d+(?:\.\d+)?(?![\w.])""")


def fingerprints(statements: Iterable[Statement | None]) -> list[str | None]:
    """The fingerprint of each statement, ``None`` where there is none."""
    return [None if statement is None else _fingerprint(statement) for statement in statements]


def _fingerprint(statement: Statement) -> str | None:
    text, system = statement
    if len(text) > _CACHED_CHARS:
        return sql.fingerprint(text[:MAX_STATEMENT], system) or None
    return _of_text(text, system)


@lru_cache(maxsize=4096)
def _of_text(text: str, system: str) -> str | None:
    if _NOT_PLAIN.search(text):
        return sql.fingerprint(text, system) or None
    return _of_form(_VALUE.sub(_without, text), system)


def _without(match: re.Match[str]) -> str:
    return match[1] or "?"


@lru_cache(maxsize=4096)
def _of_form(form: str, system: str) -> str | None:
    return sql.fingerprint(form, system) or None
