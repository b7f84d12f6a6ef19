"""Tables and progress: plain where nobody looks, drawn on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vaquero.cli.output import progress_bar, table

if TYPE_CHECKING:
    import pytest


def test_a_piped_table_is_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are parted by two spaces, numbers stand on the right, nothing is cut."""
    table(("name", "size"), [("a" * 200, "1"), ("b", "1000")], right="size")
    head, first, second = capsys.readouterr().out.splitlines()
    assert head == f"{'name':<200}  size"
    assert first == f"{'a' * 200}     1"
    assert second.split() == ["b", "1000"]


def test_progress_is_drawn_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Piped there is nothing; on a terminal text and numbers, and the bar ends full."""
    with progress_bar("Sending", counted=True) as update:
        update(1, 2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("Sending", counted=True) as update:
        update(7, 7)
    shown = capsys.readouterr().err
    assert "Sending" in shown
    assert "7/7" in shown
