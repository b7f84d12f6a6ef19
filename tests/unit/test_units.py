"""One notation of durations and sizes, in every distribution that prints them.

They import nothing of each other, so each has a small function of its own; these cases hold them
together.
"""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from vaquero_viewer import units
from vaquero_viewer.units import duration_text, value_text

from vaquero.cli.output import size_text
from vaquero.console import duration

if TYPE_CHECKING:
    from collections.abc import Callable

DURATIONS = [
    (0, "0 µs"),
    (400, "0 µs"),
    (13_400, "13 µs"),
    (850_000, "850 µs"),
    (999_700, "1.00 ms"),
    (1_500_000, "1.50 ms"),
    (9_996_000, "10.0 ms"),
    (12_440_000, "12.4 ms"),
    (999_000_000, "999 ms"),
    (999_900_000, "1.00 s"),
    (1_250_000_000, "1.25 s"),
    (59_970_000_000, "1 m 0 s"),
    (125_000_000_000, "2 m 5 s"),
]

SIZES = [
    (0, "0 B"),
    (512, "512 B"),
    (1000, "1000 B"),
    (1023, "1023 B"),
    (1024, "1.00 KiB"),
    (1536, "1.50 KiB"),
    (10_230, "9.99 KiB"),
    (10_239, "10.0 KiB"),
    (1_034_240, "1010 KiB"),
    (2**20 - 1, "1.00 MiB"),
    (54_525_952, "52.0 MiB"),
    (5 * 2**30, "5.00 GiB"),
    (3 * 2**40, "3.00 TiB"),
]


@pytest.mark.parametrize(("nanoseconds", "shown"), DURATIONS)
def test_a_duration_is_the_same_everywhere(nanoseconds: int, shown: str) -> None:
    """The tree on the console and the viewer's tables write it alike, with three digits."""
    assert duration(nanoseconds) == shown
    assert duration_text(nanoseconds / 1e6) == shown


def _sizes_of_the_collector() -> Callable[[int], str] | None:
    try:
        return importlib.import_module("vaquero_collector.show").size
    except ImportError:  # Not in every environment of the unit tests.
        return None


@pytest.mark.parametrize(("size_bytes", "shown"), SIZES)
def test_a_size_is_the_same_everywhere(size_bytes: int, shown: str) -> None:
    """Command line, viewer and Collector count in units of 1024, with three digits."""
    assert size_text(size_bytes) == shown
    assert value_text(size_bytes, "By") == shown
    of_collector = _sizes_of_the_collector()
    if of_collector is not None:
        assert of_collector(size_bytes) == shown


FORMAT_JS = Path(units.__file__).with_name("web") / "static" / "format.js"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to run the page's script")
def test_the_page_writes_them_alike() -> None:
    """The page's own script, run by node; a duration of nothing is a bare 0 there."""
    durations = [(nanoseconds / 1e6, shown) for nanoseconds, shown in DURATIONS if nanoseconds]
    program = (
        f"import {{duration, value}} from {json.dumps(FORMAT_JS.as_uri())};"
        f"console.log(JSON.stringify([{json.dumps(durations)}.map(([ms]) => duration(ms)),"
        f"{json.dumps(SIZES)}.map(([size]) => value(size, 'By'))]))"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [
        [shown for _, shown in durations],
        [shown for _, shown in SIZES],
    ]
