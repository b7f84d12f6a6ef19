"""Text as OTLP can carry it: valid UTF-8, bounded, of values of any kind. Nothing here raises."""

from __future__ import annotations

from typing import Any

from vaquero.values import freeze

#: Text is looked through for secrets up to this far behind the cut, so that a cut hides none.
OVERLAP = 1024


def utf8(text: str) -> bytes:
    """The text in UTF-8; each lone surrogate, which UTF-8 cannot carry, as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        # UTF-16 joins the halves of a pair, which are one character, and leaves the lone ones.
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return joined.encode("utf-8", "replace")


def cut_text(text: str, limit: int) -> str:
    """The text, of at most ``limit`` bytes in UTF-8; a cut one ends in ``...[truncated N]``."""
    if len(text) <= limit and (text.isascii() or len(utf8(text)) <= limit):
        return text
    kept = utf8(text[:limit])[:limit].decode("utf-8", "ignore")
    return f"{kept}...[truncated {len(text) - len(kept)}]"


def cut_bytes(data: bytes, limit: int) -> bytes:
    """The data, of at most ``limit`` bytes; what is cut ends in ``...[truncated N]``."""
    if len(data) <= limit:
        return data
    return data[:limit] + f"...[truncated {len(data) - limit}]".encode()


def freeze_safely(value: object) -> Any:
    """The value as :func:`vaquero.values.freeze` gives it, whatever its methods raise."""
    try:
        return freeze(value)
    except BaseException as error:
        # Also SystemExit: the value of one attribute must not end the writer thread.
        return f"<not readable ({type(error).__name__})>"


def wire_text(value: object) -> str:
    """A name or key of any kind as text; empty for None."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    settled = freeze_safely(value)
    return settled if type(settled) is str else str(settled)


def wire_key(key: object) -> str:
    """An attribute key of any kind as text that is not empty."""
    return wire_text(key) or "<empty>"
