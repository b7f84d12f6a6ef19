"""Lists in statements, whatever their length: ``IN (?, ?, ?)`` and ``VALUES (?), (?)`` become one.

A list keeps each of its different elements once. Nested lists are folded :data:`_MAX_LEVELS` deep,
which bounds the work on a text made of brackets.
"""

from __future__ import annotations

from vaquero_conditions.sql.tokens import LISTS, QUERIES

_MAX_LEVELS = 8
_CLOSING = {")": "(", "]": "[", "}": "{"}


def folded(tokens: list[str]) -> list[str]:
    """The tokens with each list of values as one of its different elements."""
    if "[" not in tokens and "in" not in tokens and "values" not in tokens:
        return tokens
    return _Folding(tokens).part(0, len(tokens), 0)


class _Folding:
    """The tokens of one statement, and where each of its brackets is closed."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.closed = _pairs(tokens)

    def part(self, start: int, end: int, level: int) -> list[str]:
        """The tokens from start to end, lists folded."""
        tokens = self.tokens
        out: list[str] = []
        at = start
        while at < end:
            token = tokens[at]
            before = tokens[at - 1] if at else ""
            if (token == "(" and before in LISTS) or (token == "[" and level < _MAX_LEVELS):
                if before == "values":
                    made, at = self._rows(at, end, level)
                else:
                    made, at = self._list(at, end, level), self._after(at, end)
                out += made
            else:
                out.append(token)
                at += 1
        return out

    def _rows(self, at: int, end: int, level: int) -> tuple[list[str], int]:
        """The rows behind VALUES, each different one once, and where they end."""
        rows: dict[tuple[str, ...], None] = {}
        while True:
            rows[tuple(self._list(at, end, level))] = None
            after = self._after(at, end)
            if after + 1 >= end or self.tokens[after] != "," or self.tokens[after + 1] != "(":
                return _joined(rows), after
            at = after + 1

    def _list(self, at: int, end: int, level: int) -> list[str]:
        """The list whose bracket is opened at this token."""
        tokens, close = self.tokens, min(self.closed[at], end)
        ending = [tokens[close]] if close < end else []
        if level >= _MAX_LEVELS:
            return [*tokens[at:close], *ending]
        if at + 1 < close and tokens[at + 1] in QUERIES:
            return [tokens[at], *self.part(at + 1, close, level + 1), *ending]
        items: dict[tuple[str, ...], None] = {}
        begin = here = at + 1
        while here < close:
            if tokens[here] == ",":
                self._add(items, begin, here, level)
                begin = here + 1
            here = min(self.closed.get(here, here), close) + 1
        self._add(items, begin, close, level)
        return [tokens[at], *_joined(items or {("?",): None}), *ending]

    def _add(self, items: dict[tuple[str, ...], None], start: int, end: int, level: int) -> None:
        if start >= end:
            return
        if self.tokens[start] == "(" and self.closed[start] == end - 1:
            items[tuple(self._list(start, end, level + 1))] = None
        else:
            items[tuple(self.part(start, end, level + 1))] = None

    def _after(self, at: int, end: int) -> int:
        """The token behind the bracket that is opened at this one."""
        return min(self.closed[at] + 1, end)


def _pairs(tokens: list[str]) -> dict[int, int]:
    """Where each opening bracket is closed; the end of the text where it is not."""
    found: dict[int, int] = {}
    stack: list[int] = []
    for number, token in enumerate(tokens):
        if token in ("(", "[", "{"):
            stack.append(number)
        elif token in _CLOSING and stack and tokens[stack[-1]] == _CLOSING[token]:
            found[stack.pop()] = number
    for number in stack:
        found[number] = len(tokens)
    return found


def _joined(items: dict[tuple[str, ...], None]) -> list[str]:
    out: list[str] = []
    for item in items:
        if out:
            out.append(",")
        out += item
    return out
