"""Literals in database statements: each becomes ``?``; names, keywords and structure stay.

One pass of one pattern over the statement, so the time is linear in its length. Made for SQL and
its relatives; statements in JSON (MongoDB, Elasticsearch) lose their text and numbers as well.
"""

from __future__ import annotations

import re

# No alternative can fail after having read far, which keeps the scan linear.
_KEPT = r"""
    (?P<kept> --[^\n]* | /\*(?:[^*]|\*(?!/))*(?:\*/)? | `[^`]*`? | \[[A-Za-z_][\w ]{0,126}\] )
"""
_LITERAL = r"""
      '(?:[^'\\]|\\.|'')*(?:'|\Z|\\\Z)
    | \$(?P<mark>(?:[A-Za-z_]\w{0,62})?)\$ (?:(?!\$(?P=mark)\$).)* (?:\$(?P=mark)\$)?
    | [0-9](?:(?<![\w$@?.:].)|(?<=["']:.))
      (?:[xX][0-9a-fA-F]+|\d*(?:\.\d*)?(?:[eE][+-]?\d+)?)(?!\w|\$(?!(?:[A-Za-z_]\w{0,62})?\$))
    | \.(?<![\w$@?.:].)\d+(?:[eE][+-]?\d+)?(?!\w|\$(?!(?:[A-Za-z_]\w{0,62})?\$))
"""
_QUOTED = r"""
      (?P<double> "(?:[^"\\]|\\.|"")*(?:"|\Z|\\\Z) )
    | (?P<list> (?:[Vv][Aa][Ll][Uu][Ee][Ss]|[Ii][Nn])(?<![\w$][Ii][Nn])\s{0,8}\( )
    | (?P<paren> [()] )
"""
_FLAGS = re.VERBOSE | re.DOTALL
#: Statements without a double quote need no look at lists: in them only what is quoted differs.
_PLAIN_TOKEN = re.compile(f"{_KEPT} | {_LITERAL}", _FLAGS)
_TOKEN = re.compile(f"{_KEPT} | {_QUOTED} | {_LITERAL}", _FLAGS)
#: A statement without any of these has no literals.
_HINT = re.compile(r"['\"0-9$]")
#: After these a double-quoted text is a value, as MySQL and SQLite have it.
_BEFORE_VALUE = re.compile(r"(?i)(?:[=<>!]|(?<!\w)(?:like|rlike|regexp|match))\s{0,8}\Z")
#: After these it is a name: of a column of a table. What begins with a digit is a number.
_QUALIFIED = re.compile(r"(?:[\"`\]]|(?<!\w)[^\W\d]\w*)\.\Z")
#: Before these it is a key of JSON or a table.
_AFTER_KEY = re.compile(r"\s{0,8}:")
_LOOK_BACK = 20
#: Behind a bracket: a query, in which double quotes hold names, and no list of values.
_QUERY = re.compile(
    r"(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*(?:select|table|values|with)(?![\w$])",
    re.IGNORECASE,
)
_JSON = re.compile(r"\s*(?:\{|\[\s*[{\[\"0-9])")

#: Commands of Redis and its kin that carry a credential; the whole rest of them goes.
_AUTH = re.compile(r"\s*(?:AUTH|HELLO\s+\d+\s+AUTH|CONFIG\s+SET\s+\w*pass\w*)\s+(?=\S)", re.I)
_PLACEHOLDER = "?"


def mask_sql(statement: str) -> str:
    """The statement with ``?`` for each literal; the same object where there is none.

    Args:
        statement: A statement in any dialect, possibly cut short.
    """
    auth = _AUTH.match(statement)
    if auth:
        masked = f"{auth.group()}{_PLACEHOLDER}"
    elif '"' in statement:
        masked = _Masking(statement).masked()
    elif _HINT.search(statement):
        masked = _PLAIN_TOKEN.sub(_plain, statement)
    else:
        return statement
    return statement if masked == statement else masked


def _plain(match: re.Match[str]) -> str:
    return match.group() if match.lastgroup == "kept" else _PLACEHOLDER


class _Masking:
    """One statement, and whether a list of values is where the scan is."""

    __slots__ = ("json", "lists", "statement")

    def __init__(self, statement: str) -> None:
        self.statement = statement
        #: Of each bracket from the first list on, whether values are in it.
        self.lists: list[bool] = []
        self.json = _JSON.match(statement) is not None

    def masked(self) -> str:
        return _TOKEN.sub(self._replaced, self.statement)

    def _replaced(self, match: re.Match[str]) -> str:
        kind = match.lastgroup
        if kind is None or kind == "mark":
            return _PLACEHOLDER
        text = match.group()
        if kind == "double":
            return _PLACEHOLDER if self._is_value(match) else text
        if kind == "list" or (text == "(" and self.lists):
            is_list = kind == "list" or self.lists[-1]
            self.lists.append(is_list and _QUERY.match(self.statement, match.end()) is None)
        elif text == ")" and self.lists:
            self.lists.pop()
        return text

    def _is_value(self, match: re.Match[str]) -> bool:
        """Whether a double-quoted text is a value and no name."""
        start, end = match.span()
        if self.json:
            return _AFTER_KEY.match(self.statement, end) is None
        before = self.statement[max(start - _LOOK_BACK, 0) : start]
        if _QUALIFIED.search(before) or self.statement.startswith(".", end):
            return False
        return (bool(self.lists) and self.lists[-1]) or _BEFORE_VALUE.search(before) is not None
