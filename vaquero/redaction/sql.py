"""Literals in database statements: each becomes ``?``; names, keywords and structure stay.

One pass of one pattern over the statement, so the time is linear in its length. Made for SQL and
its relatives; statements in JSON (MongoDB, Elasticsearch) lose their text and numbers as well.
"""

from __future__ import annotations

import re

#: Alternatives in the order of their precedence; each consumes at least one character, and none
#: can fail after having read far, which keeps the scan linear.
_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*(?:[^*]|\*(?!/))*(?:\*/)? )
    | (?P<dollar> \$(?P<mark>[A-Za-z_]\w{0,62})?\$ )
    | (?P<text> [EeNnBbXx]?'(?:[^'\\]|\\.|'')*(?:'|\Z|\\\Z) )
    | (?P<double> "(?:[^"\\]|\\.|"")*(?:"|\Z|\\\Z) )
    | (?P<quoted> `[^`]*`? | \[[A-Za-z_][\w ]*\] )
    | (?P<place> [$@?]\w+ | (?<!["'\w:]):\w+ | :: )
    | (?P<number> (?:0[xX][0-9a-fA-F]+ | \d+(?:\.\d+)?(?:[eE][+-]?\d+)? | \.\d+) (?![\w$]) )
    | (?P<word> [^\W\d]\w* (?:[$\#]\w*)* )
    | (?P<other> \d\w* | \s+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)

#: After these a double-quoted text is a value, as MySQL, SQLite and JSON have it.
_BEFORE_VALUE = frozenset({"=", "<", ">", ":", "!", "like", "ilike", "regexp", "rlike"})
_LISTS = frozenset({"values", "in"})

#: Commands of Redis and its kin that carry a credential; the whole rest of it goes.
_AUTH = re.compile(r"\s*(?:AUTH|HELLO\s+\d+\s+AUTH|CONFIG\s+SET\s+\w*pass\w*)\s+(?=\S)", re.I)
#: ``... PASSWORD hunter2`` without quotes is no SQL, but people log it.
_PLACEHOLDER = "?"


def mask_sql(statement: str) -> str:
    """The statement with ``?`` for each literal; the same object where there is none.

    Args:
        statement: A statement in any dialect, possibly cut short.
    """
    auth = _AUTH.match(statement)
    if auth:
        masked = f"{auth.group()}{_PLACEHOLDER}"
        return statement if masked == statement else masked
    return _masked(statement)


def _masked(statement: str) -> str:
    out: list[str] = []
    taken = 0
    before = ""
    # How deep we are in the list of values after VALUES or IN; 0 outside of one.
    depth = 0
    position, end = 0, len(statement)
    while position < end:
        token = _TOKEN.match(statement, position)
        if token is None:  # Not reachable: the last alternative takes any character.
            break
        start, position = token.span()
        kind = token.lastgroup
        if kind == "mark":
            kind = "dollar"
        if kind == "comment" or statement[start].isspace():
            continue
        text = token.group()
        literal = kind in ("number", "text")
        if kind == "double":
            literal = (depth > 0 or before in _BEFORE_VALUE) and not _qualifies(statement, position)
        elif kind == "dollar":
            literal = True
            closing = statement.find(text, position)
            position = end if closing < 0 else closing + len(text)
        if literal:
            out.append(statement[taken:start])
            out.append(_PLACEHOLDER)
            taken = position
        depth = _depth(depth, text, before)
        before = text.lower() if kind in ("word", "other") else ""
    if not out:
        return statement
    out.append(statement[taken:])
    return "".join(out)


def _qualifies(statement: str, position: int) -> bool:
    """Whether what ends here is the table in ``"table"."column"``."""
    return statement[position : position + 1] == "."


def _depth(depth: int, text: str, before: str) -> int:
    if text == "(":
        return depth + 1 if depth or before in _LISTS else 0
    if text == ")":
        return max(depth - 1, 0)
    return depth
