"""The tokens of a statement whose literals are masked: one spelling for each, literals as ``?``.

Each token is looked at once, so the time is linear in the length whatever the text is.
"""

from __future__ import annotations

import re

#: Operators of more than one character, a longer one before its beginning.
OPERATORS = tuple(
    """
    <=> ->> #>> !~* :: := <= >= != <> || -> #> && ~* !~ << >> @> <@ @@ =>
    """.split()
)

#: White space in front of a token belongs to it, which saves half of the matches. White space
#: at the end would be scanned again from each of its places, so it is cut off first.
_TOKEN = re.compile(
    rf"""
    \s* (?: (?P<word> (?!\$)[\w$]+ )
    | (?P<value> \[redacted\] | \?\d* | %\(\w{{1,64}}\)s | %s(?!\w) | (?<![\w$])\$\w+
      | (?<![\w"'`?\]):@]):\w+ | (?<![\w@])@\w+ )
    | (?P<quoted> "(?:[^"\\]|\\.|"")*(?:"|\Z|\\\Z) )
    | (?P<name> `[^`]*`? | \[[A-Za-z_][\w ]{{0,126}}\] )
    | (?P<skip> --[^\n]* | /\*(?:[^*]|\*(?!/))*(?:\*/)? )
    | (?P<mark> {"|".join(map(re.escape, OPERATORS))} | \S ) )
    """,
    re.VERBOSE | re.DOTALL,
)

#: In front of a text in quotes, without a space between: its kind, and no name.
_PREFIXES = frozenset(("b", "e", "n", "r", "x"))
_CONSTANTS = frozenset(("false", "null", "true"))
_COMPARISONS = frozenset(("<", "<=", "<=>", "<>", "=", "!=", ">", ">="))
#: After these a constant is a literal, and no part of the grammar as in ``IS NULL``.
_BEFORE_CONSTANT = _COMPARISONS | {"(", "[", ",", ":"}
#: After these a text in double quotes is a value, as MySQL and SQLite have it.
_BEFORE_QUOTED = _COMPARISONS | {"!", "like", "rlike", "regexp", "match"}
#: What stands in front of a list of values.
LISTS = frozenset(("in", "values"))
#: A bracket that one of these follows holds a query and no list.
QUERIES = frozenset(("select", "table", "values", "with"))
#: Words that an expression follows, so that a sign after them belongs to a number.
BEFORE_EXPRESSION = frozenset(
    """
    all and any as between by case distinct else from having in interval is like limit not offset on
    or regexp return returning rlike select set then top union using values when where
    """.split()
)
_OPENING = frozenset(("(", "["))
_ENDING = frozenset((")", "]"))
_ENDS = frozenset((")", "]", "}", "?"))


def tokens(masked: str) -> list[str]:
    """The tokens of a statement, without comments: words in lower case, values as ``?``.

    Args:
        masked: A statement that :func:`~vaquero_conditions.sql.mask.mask_sql` has been over.
    """
    json = False
    out: list[str] = []
    inside = 0
    #: Of each bracket from the first list on: whether a text in double quotes is a value there.
    lists: list[bool] = []
    last_end = -1
    for match in _TOKEN.finditer(masked.rstrip()):
        kind = match.lastgroup
        if kind == "skip" or kind is None:
            continue
        text, end = match[kind], match.end()
        if not out:
            json = text in ("{", "[")
        if kind == "value":
            if json and text[0] == ":":
                out.append(":")
                _word(out, text[1:].lower())
            else:
                if out and match.start(kind) == last_end and out[-1] in _PREFIXES:
                    out.pop()
                _value(out)
        elif kind == "word":
            text = text.lower()
            if lists and out[-1] == "(" and text in QUERIES:
                lists[-1] = False
            _word(out, text)
        elif kind == "name" and text[1:-1].strip().lower() in _CONSTANTS:
            # A list of one constant, and no name in brackets.
            out += ("[", "?", "]")
        elif kind == "quoted":
            if _is_value(out, masked, end, json=json, in_list=bool(lists) and lists[-1]):
                _value(out)
            else:
                out.append(text)
        else:
            if text == "(" and (lists or (out and out[-1] in LISTS)):
                lists.append(out[-1] in LISTS or lists[-1])
            elif text == ")" and lists:
                lists.pop()
            if text in _OPENING:
                inside += 1
            elif text in _ENDING and inside:
                inside -= 1
            # No statement ends inside brackets, and what ends the last one is no part of it.
            if text != ";" or not inside:
                out.append(text)
        last_end = end
    return out


#: A number that the masking left alone, as it touches something else.
_NUMBER = re.compile(r"\d+(?:e\d+)?|\dx[0-9a-f]+")


def _word(out: list[str], word: str) -> None:
    if word[0].isdigit() and _NUMBER.fullmatch(word):
        _value(out)
        return
    if word in _CONSTANTS and out and out[-1] in _BEFORE_CONSTANT:
        word = "?"
    out.append(word)


def _value(out: list[str]) -> None:
    while out and out[-1] in ("-", "+") and _is_sign(out):
        out.pop()
    out.append("?")


def _is_sign(out: list[str]) -> bool:
    """Whether the last token is the sign of a number, and no operator between two values."""
    if len(out) < 2:
        return True
    before = out[-2]
    if before in BEFORE_EXPRESSION:
        return True
    return before not in _ENDS and not is_name(before)


def is_name(token: str) -> bool:
    """Whether a token is a word or a quoted name, and no punctuation."""
    first = token[0]
    return first.isalnum() or first in '_"`$' or (first == "[" and len(token) > 1)


def _is_value(out: list[str], text: str, end: int, *, json: bool, in_list: bool) -> bool:
    """Whether a text in double quotes is a value and no name.

    Whatever the masking takes for a value is one here: only the amount of white space, which the
    masking bounds, makes no difference here.
    """
    if json:
        follows = _NEXT.match(text, end)
        return follows is None or text[follows.end() : follows.end() + 1] != ":"
    if (out and out[-1] == ".") or (
        text.startswith(".", end) and not text[end + 1 : end + 2].isdigit()
    ):
        return False
    return in_list or (bool(out) and out[-1] in _BEFORE_QUOTED)


_NEXT = re.compile(r"\s{0,8}")
