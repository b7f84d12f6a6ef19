"""The pages of instrumentations and of places say what is so, and their code runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from vaquero.auto_instrumentation.catalog import REMARKS, instrumentations

DOCS = Path(__file__).resolve().parents[2] / "docs"
PLACES = (DOCS / "places.md").read_text("utf-8")
PAGE = (DOCS / "instrumentations.md").read_text("utf-8")


def _rows() -> list[str]:
    return [line for line in PAGE.partition("<!-- table -->")[2].splitlines() if "| `" in line]


def test_every_instrumentation_is_on_the_page() -> None:
    """One row for each that is known, in the same order, and no row more."""
    assert [line.split()[1] for line in _rows()] == list(REMARKS)


def test_the_page_says_what_is_published() -> None:
    """Package, names, library with the range, and what it adds, as of the release it names."""
    (release,) = re.findall(r"Ranges are those of release ([0-9.]+[0-9])", PAGE)
    if not version("opentelemetry-instrumentation").startswith(release):
        pytest.skip(f"the page is that of release {release}")
    for row, line in zip(instrumentations(), _rows(), strict=True):
        assert line.startswith(f"| {row.suffix} |"), line
        for text in (*row.any_of, *row.all_of, *(f"`{name}`" for name in row.names), row.gain):
            assert text in line, line
        assert row.instead in line


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PLACES, re.DOTALL))
def test_the_code_of_places_runs(code: str, tmp_path: Path) -> None:
    """As it stands; a handler is called too."""
    program = f"{code}\nif 'handler' in globals():\n    print(handler({{'number': 7}}, None))\n"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    for signal in ("TRACES", "METRICS", "LOGS"):
        environ[f"OTEL_{signal}_EXPORTER"] = "none"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ | {"XDG_STATE_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("", "{'done': 7}\n")
