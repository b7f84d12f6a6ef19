"""What a migration reports while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then with the rows of a table that are done."""

    def __call__(self, table: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` rows of ``table`` are done."""
        ...
