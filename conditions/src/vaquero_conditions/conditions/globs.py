"""Names with ``*``: how they match, and how they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: What a name cannot hold, quoted or not.
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"[\"\\*]")


@dataclass(frozen=True)
class Glob:
    """A name in which ``*`` stands for any characters, none and ``/`` included.

    Attributes:
        pieces: What stands between the stars, as it is: ``("GET /", "")`` is ``GET /*``. A single
            piece is a name without a star.

    Raises:
        ValueError: There is no piece, or one holds a control character.
    """

    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.pieces or any(CONTROL.search(piece) for piece in self.pieces):
            raise ValueError(f"a glob of {self.pieces!r}; valid: pieces without control characters")
        if len(self.pieces) > 2:
            # Two stars in a row are one.
            middle = filter(None, self.pieces[1:-1])
            object.__setattr__(self, "pieces", (self.pieces[0], *middle, self.pieces[-1]))

    def matches(self, name: str) -> bool:
        """Whether the whole name is one of these. Capital and small letters differ."""
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            return name == first
        at, end = len(first), len(name) - len(last)
        if at > end or not name.startswith(first) or not name.endswith(last):
            return False
        for piece in self.pieces[1:-1]:
            at = name.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    @property
    def is_any(self) -> bool:
        """Whether every name matches."""
        return self.pieces == ("", "")

    @property
    def plain(self) -> str:
        """The name as it is written without quotes; only where it needs none."""
        return "*".join(self.pieces)

    @property
    def quoted(self) -> str:
        """The name in quotes."""
        return '"' + "*".join(_ESCAPED.sub(r"\\\g<0>", piece) for piece in self.pieces) + '"'

    def written(self, plain: re.Pattern[str]) -> str:
        """The name, in quotes where it is not what this pattern matches as a whole."""
        text = self.plain
        if any("*" in piece for piece in self.pieces) or not plain.fullmatch(text):
            return self.quoted
        return text


ANY = Glob(("", ""))
