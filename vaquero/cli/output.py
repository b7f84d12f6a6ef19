"""Tables and progress on the terminal: coloured and fitted there, plain and whole when piped."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> None:
    """Print a table to stdout.

    On a terminal it is drawn by rich, in the terminal's own colours (readable on light and dark;
    ``NO_COLOR`` is honoured). Elsewhere every cell is whole, and columns are parted by two spaces.

    Args:
        headers: One for each column.
        rows: Cells as text.
        right: Headers of columns to align on the right, separated by blanks.
    """
    lines = [list(row) for row in rows]
    aligned = set(right.split())
    if sys.stdout.isatty():
        _draw(headers, lines, aligned)
        return
    widths = [
        max(len(line[column]) for line in [list(headers), *lines]) for column in range(len(headers))
    ]
    for line in [list(headers), *lines]:
        cells = [
            cell.rjust(width) if header in aligned else cell.ljust(width)
            for cell, width, header in zip(line, widths, headers, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _draw(headers: Sequence[str], lines: list[list[str]], aligned: set[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for header in headers:
        drawn.add_column(header, justify="right" if header in aligned else "left", overflow="fold")
    for line in lines:
        # As Text: what a program named its spans must not be read as markup.
        drawn.add_row(*(Text(cell) for cell in line))
    Console().print(drawn)


@contextmanager
def progress_bar(
    text: str, *, counted: bool = False
) -> Generator[Callable[[float, float], None], None, None]:
    """A progress bar on stderr; nothing where that is not a terminal.

    Args:
        text: Stands before the bar.
        counted: Show how many of how many are done, not the time that remains.

    Yields:
        Takes what is done and the total, in any unit.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    last = MofNCompleteColumn() if counted else TimeRemainingColumn()
    with Progress(TextColumn(text), BarColumn(), last, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def size_text(size_bytes: float) -> str:
    """A size with three digits: ``512 B``, ``3.40 KiB``, ``12.0 MiB``."""
    value, index = float(size_bytes), 0
    while value >= 1023.5 and index < len(_UNITS) - 1:
        value, index = value / 1024, index + 1
    if index == 0:
        return f"{value:.0f} B"
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {_UNITS[index]}"
