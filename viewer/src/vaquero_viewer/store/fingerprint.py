"""Fingerprints of database statements: what is equal in all calls of one query."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vaquero_conditions import sql

MAX_STATEMENT = 16_384
"""Characters of a statement that count; the rest of a longer one is cut off before."""

Statement = tuple[str, str]
"""The text of a statement, and ``db.system.name`` of its span (empty if unknown)."""

_CACHED_CHARS = 4096

# A statement with its values in it is another text each time, and to take it apart costs several
# times what the rest of its span does. So plain values are taken out first, cheaply, and what is
# left is looked up: statements that are equal then differ in literals alone. That is safe only
# where a quote is a quote: not with comments, escapes or brackets.
_NOT_PLAIN = ("--", "/*", "#", "\\", "$", "[")
# Both begin with a set of characters, to which the engine jumps: that takes a third of the time.
_TEXT_OR_NUMBER = r"(?<=')[^']*'|(?<=[0-9])(?<![\w.:@%-][0-9])[0-9]*(?:\.[0-9]+)?(?![\w.])"
_VALUE = re.compile(rf"['0-9](?:{_TEXT_OR_NUMBER})")
_QUOTED_OR_VALUE = re.compile(rf"""("[^"]*"|`[^`]*`)|['0-9](?:{_TEXT_OR_NUMBER})""")
_MOST_FORMS = 4096


class _Fingerprints:
    """Fingerprints of statements by their form; forgets all when there are too many."""

    def __init__(self) -> None:
        self._of_form: dict[Statement, str | None] = {}

    def of(self, statement: Statement) -> str | None:
        """The fingerprint of one statement."""
        known = self._of_form
        if statement in known:
            return known[statement]
        text, system = statement
        if len(text) > _CACHED_CHARS or any(mark in text for mark in _NOT_PLAIN):
            return sql.fingerprint(text[:MAX_STATEMENT], system) or None
        if '"' in text or "`" in text:
            form = _QUOTED_OR_VALUE.sub(_without, text), system
        else:
            form = _VALUE.sub("?", text), system
        found = known.get(form, _UNKNOWN)
        if found is _UNKNOWN:
            if len(known) >= _MOST_FORMS:
                known.clear()
            found = known[form] = sql.fingerprint(text, system) or None
        return found


_UNKNOWN = ""
_fingerprints = _Fingerprints()


def fingerprints(statements: Iterable[Statement | None]) -> list[str | None]:
    """The fingerprint of each statement, ``None`` where there is none."""
    of = _fingerprints.of
    return [None if statement is None else of(statement) for statement in statements]


def _without(match: re.Match[str]) -> str:
    return match[1] or "?"
