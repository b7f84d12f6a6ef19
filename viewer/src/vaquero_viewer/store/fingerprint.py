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
# times what the rest of its span does. So each text becomes the empty one and each number 0,
# cheaply, and what is left is looked up: it has the same words and marks, hence the same
# fingerprint. That is safe only where a quote is a quote: not with comments, escapes or brackets.
_TEXT = r"'[^']*(?:''[^']*)*'"
# It begins with a set of characters, to which the engine jumps: that takes a third of the time.
_NUMBER = r"[0-9](?<![\w.:@%?][0-9])[0-9]*(?:\.[0-9]+)?(?![\w.])"
_A_TEXT = re.compile(_TEXT)
_A_NUMBER = re.compile(_NUMBER)
_ANY = re.compile(rf"""("[^"]*"|`[^`]*`)|({_TEXT})|{_NUMBER}""")
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
        if len(text) > _CACHED_CHARS or not _is_plain(text):
            return sql.fingerprint(text[:MAX_STATEMENT], system) or None
        form = _without_values(text), system
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


def _is_plain(text: str) -> bool:
    """Whether each quote of the text opens or closes what it seems to."""
    # Written out: a loop over the marks would take as long as all the rest.
    if "--" in text or "/*" in text or "#" in text or "\\" in text or "$" in text or "[" in text:
        return False
    return not (text.count("'") % 2 or text.count('"') % 2 or text.count("`") % 2)


def _without_values(text: str) -> str:
    """The text with empty texts and the number 0 for all values."""
    if '"' in text or "`" in text:
        return _ANY.sub(_emptied, text)
    if "'" in text:
        text = _A_TEXT.sub("''", text)
    return _A_NUMBER.sub("0", text)


def _emptied(match: re.Match[str]) -> str:
    return match[1] or ("''" if match[2] else "0")
