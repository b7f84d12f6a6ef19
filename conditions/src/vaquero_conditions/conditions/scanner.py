"""A text read from left to right: words, names in quotes, quantities, and where it stops."""

from __future__ import annotations

import math
import re
from typing import NoReturn

from vaquero_conditions.conditions.globs import CONTROL, Glob
from vaquero_conditions.errors import ConditionError, shortened
from vaquero_conditions.units import (
    DIGITS,
    NUMBER_LIMITS,
    NUMBER_TEXT,
    TOO_LARGE,
    UNITS,
    VALID_UNITS,
    Dimension,
    Quantity,
    unit_hint,
    unit_named,
)

MAX_LENGTH = 4096
_SPACE = re.compile(r"[ \t\r\n]*")
_UNIT = re.compile(r"%|/[A-Za-z]+|[A-Za-z\u00b5\u03bc]+(?:/[A-Za-z]+)?")
_QUOTED_PART = re.compile(r"[^\"'\\*]+|.", re.DOTALL)


class Scanner:
    """A text and how far it has been read.

    Args:
        text: At most :data:`MAX_LENGTH` characters.

    Raises:
        ConditionError: The text is longer.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0
        if len(text) > MAX_LENGTH:
            self.fail("the text is too long", f"at most {MAX_LENGTH} characters", at=MAX_LENGTH)

    def here(self) -> int:
        """Where the next token begins."""
        match = _SPACE.match(self.text, self.pos)
        self.pos = match.end() if match else self.pos
        return self.pos

    def peek(self) -> str:
        """The first character of the next token; empty at the end."""
        at = self.here()
        return self.text[at : at + 1]

    def at_end(self) -> bool:
        """Whether nothing but white space is left."""
        return not self.peek()

    def rest(self) -> str:
        """The next word, for a message."""
        word = self.text[self.here() : self.pos + 200].partition(" ")[0]
        return repr(shortened(word)) if word else "the end"

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern matches here, which is then read; None where it does not."""
        found = pattern.match(self.text, self.here())
        if found is None:
            return None
        self.pos = found.end()
        return found.group()

    def looks_at(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern matches here; nothing is read."""
        return pattern.match(self.text, self.here()) is not None

    def keyword(self, word: str) -> bool:
        """Read this word if it is the next one."""
        at, end = self.here(), self.pos + len(word)
        follows = self.text[end : end + 1]
        if not self.text.startswith(word, at) or follows.isalnum() or follows == "_":
            return False
        self.pos = end
        return True

    def expect(self, mark: str, valid: str) -> None:
        """Read this mark, or fail."""
        if self.peek() != mark:
            self.fail(f"{self.rest()} where {mark} is expected", valid)
        self.pos += 1

    def quoted(self) -> Glob:
        r"""A name in quotes: ``\`` stands in front of a quote, a backslash and a star as such."""
        text, begin = self.text, self.here()
        quote = text[begin]
        pieces, piece = list[str](), list[str]()
        at = begin + 1
        while (found := _QUOTED_PART.match(text, at)) is not None:
            part, at = found.group(), found.end()
            if part == quote:
                self.pos = at
                return Glob((*pieces, "".join(piece)))
            if part == "*":
                pieces.append("".join(piece))
                piece = []
                continue
            if part == "\\":
                part, at = text[at : at + 1], at + 1
                if part not in ("\\", '"', "'", "*") or not part:
                    valid = "\\\\ \\\" \\' \\*"
                    self.fail(f"\\{part} in quotes", valid, at=at - 2)
            elif (control := CONTROL.search(part)) is not None:
                place = found.start() + control.start()
                self.fail("a control character in a name", "* in its place", at=place)
            piece.append(part)
        self.fail("a quote is not closed", f"{quote} at the end of the name", at=begin)

    def quantity(self, what: str) -> Quantity:
        """A number with its unit, if it has one; a space may stand between them."""
        at = self.here()
        number = self.match(NUMBER_TEXT)
        if number is None:
            self.fail(f"{what} is missing", "a number with its unit, e.g. 200ms")
        if self.text[self.pos : self.pos + 1] in DIGITS:
            self.fail(f"{number}... is too long", NUMBER_LIMITS, at=at)
        found = Quantity(float(number))
        if math.isinf(found.number):
            self.fail(f"{number} is too large", TOO_LARGE, at=at)
        match = _UNIT.match(self.text, self.here())
        symbol = match.group() if match else ""
        if match is None or symbol == "for":
            return found
        unit_at = match.start()
        unit = unit_named(symbol) if len(symbol) <= 16 else None
        if unit is None:
            valid = unit_hint(symbol) or ", ".join(u for u in UNITS if u and "B/" not in u)
            self.fail(f"{shortened(symbol)!r} is no unit", valid, at=unit_at)
        self.pos = match.end()
        found = Quantity(found.number, unit)
        if math.isinf(found.base):
            self.fail(f"{found} is too large", TOO_LARGE, at=at)
        return found

    def duration(self, word: str) -> Quantity:
        """A time above nothing, behind this word."""
        at = self.here()
        found = self.quantity(f"the time behind `{word}`")
        if found.unit.dimension is not Dimension.TIME:
            self.fail(f"{found} is no time", VALID_UNITS[Dimension.TIME], at=at)
        if found.seconds <= 0:
            self.fail(f"{found} is not above 0", f"{word} with a time such as 5m", at=at)
        return found

    def fail(self, problem: str, valid: str, at: int | None = None, back: int = 0) -> NoReturn:
        """Raise what is wrong at a place; without one, at the next token, or ``back`` from it."""
        place = self.pos - back if back else (self.here() if at is None else at)
        raise ConditionError(self.text, place + 1, problem, valid)
