"""Tables and tree for the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from vaquero_viewer import summary
from vaquero_viewer.units import duration_text, value_text


@pytest.fixture
def text(viewer):
    """What the summary prints, on a terminal of 100 columns."""

    def render(width: int = 100) -> str:
        out = io.StringIO()
        summary.print_summary(viewer.store, Console(file=out, width=width, force_terminal=False))
        return out.getvalue()

    return render


def test_summary_shows_all_three(client, make, text):
    """Operations with percentiles, gauges with units, and the slowest trace as a tree."""
    client.send(
        make.spans(
            {"id": 1, "name": "checkout", "ms": 1500},
            {"id": 2, "parent": 1, "name": "charge", "ms": 900, "status": 2},
        )
    )
    client.send(make.gauge("system.memory.usage", (1, 3 * 2**30), unit="By"))
    client.send(make.gauge("system.cpu.utilization", (1, 0.25), mode="user"))
    client.send(make.gauge("system.cpu.utilization", (1, 0.75), mode="idle"))

    lines = [" ".join(line.split()) for line in text().splitlines()]
    assert "shop checkout internal 1 - 1.50 s 1.50 s 1.50 s" in lines
    assert "shop charge internal 1 100.0 % 900 ms 900 ms 900 ms" in lines
    assert "shop system.cpu.utilization idle 75.0 % user 25.0 %" in lines
    assert "shop system.memory.usage 3.00 GiB" in lines
    assert lines.index("shop system.cpu.utilization idle 75.0 % user 25.0 %") < lines.index(
        "shop system.memory.usage 3.00 GiB"
    )
    assert "└── checkout 1.50 s" in lines
    assert "└── charge 900 ms" in lines


def test_empty_store_says_so(text):
    """Where nothing arrived the summary says that, rather than print empty tables."""
    assert "No spans arrived." in text()
    assert "No gauges arrived." in text()


def test_names_cannot_steer_the_terminal(client, make, text):
    """Escape sequences, markup and line breaks in names are shown as plain text on one line."""
    client.send(make.spans({"name": "\x1b[31mred\x1b]0;title\x07\n[bold]x[/bold]\u202e"}))

    shown = text()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[31mred]0;title [bold]x[/bold]" in shown


def test_narrow_terminal_keeps_the_numbers(client, make, text):
    """In 60 columns the names give way and the percentiles are whole."""
    client.send(make.spans({"name": "a very long name of an operation that goes on", "ms": 1234}))

    assert "1.23 s" in text(60)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.256, "1", "25.6 %"), (7, "1", "7"), (1536, "By", "1.50 KiB"), (512, "By", "512 B"),
        (2**21, "By/s", "2.00 MiB/s"), (0.002, "s", "2.00 ms"), (2.4e9, "Hz", "2.40 GHz"),
        (3, "{request}", "3 request"), (12, "", "12"), (0, "By", "0 B"), (-5.5, "Cel", "-5.50 Cel"),
    ],
)  # fmt: skip
def test_values_with_units(value, unit, shown):
    """Units of OpenTelemetry as a person reads them."""
    assert value_text(value, unit) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0.0004, "0 µs"), (0.85, "850 µs"), (12.44, "12.4 ms"), (999, "999 ms"), (1520, "1.52 s"),
     (125_000, "2 m 5 s")],
)  # fmt: skip
def test_durations(ms, shown):
    """Three digits that count."""
    assert duration_text(ms) == shown
