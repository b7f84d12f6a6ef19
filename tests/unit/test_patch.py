"""Replacing attributes of other people's classes and modules."""

from __future__ import annotations

from typing import Any

from vaquero import _patch


class Library:
    """Somebody else's class."""

    @staticmethod
    def work() -> str:
        return "theirs"


def test_what_was_there_comes_back() -> None:
    """A replacement holds until its end, and the second end changes nothing."""
    before = Library.work
    restore = _patch.replace(Library, "work", lambda: "ours")
    during: Any = Library.work
    assert during() == "ours"
    restore()
    restore()

    assert Library.work is before


def test_a_later_replacement_stays() -> None:
    """Where somebody has wrapped the replacement since, the end leaves theirs in its place."""
    restore = _patch.replace(Library, "work", lambda: "ours")
    restore_later = _patch.replace(Library, "work", later := (lambda: "later"))
    restore()
    during: Any = Library.work
    assert during is later
    restore_later()
