"""Measure, and print the table: ``python -m benchmarks [--quick] [--only PART]``."""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time
from pathlib import Path

from benchmarks import spans, startup
from benchmarks.harness import Row
from benchmarks.sink import Sink
from benchmarks.spans import QUICK, Size
from benchmarks.subjects import BARE, PEERS, VAQUERO, VARIANTS

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PARTS = ("caller", "endtoend", "asgi", "startup")


def main() -> int:
    """Print the table in Markdown on stdout, and progress on stderr."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer rounds: about a minute")
    options.add_argument("--only", choices=PARTS, action="append", help="this part only")
    options.add_argument(
        "--into", type=Path, help="put the table into this page, between its marks"
    )
    given = options.parse_args()
    size = QUICK if given.quick else Size()
    rows: list[Row] = []
    with Sink() as sink:
        for part in given.only or PARTS:
            begun = time.perf_counter()
            rows += _measure(part, sink, size, given.quick)
            print(f"{part}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    said = f"{_header()}\n{table(rows)}"
    print(said)
    if given.into is not None:
        put_into(given.into, said)
    return 0


def put_into(page: Path, said: str) -> None:
    """Replace what stands between the marks of the page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no marks {BEGIN} and {END}")
    page.write_text(f"{before}{begin}\n\n{said}\n\n{end}{after}")


def _measure(part: str, sink: Sink, size: Size, quick: bool) -> list[Row]:
    if part == "caller":
        return spans.caller_rows(sink, size)
    if part == "endtoend":
        return spans.end_to_end_rows(sink, size)
    if part == "asgi":
        return spans.asgi_rows(sink, size)
    return startup.rows([BARE, VAQUERO, VARIANTS[2]], sink.endpoint, 2 if quick else 7)


def table(rows: list[Row]) -> str:
    """The rows in Markdown, with a column for each subject that was measured."""
    known = [subject.name for subject in (VAQUERO, *VARIANTS, *PEERS)]
    names = [name for name in known if any(name in row.ratios for row in rows)]
    head = f"| | bare SDK | {' | '.join(names)} | target |\n|---|---|{'---|' * (len(names) + 1)}"
    return "\n".join([head, *(row.line(names) for row in rows)])


def _header() -> str:
    version = importlib.import_module("opentelemetry.sdk.version").__version__
    python = platform.python_version()
    return f"CPython {python}, opentelemetry-sdk {version}; ratios to the bare SDK, medians\n"


if __name__ == "__main__":
    raise SystemExit(main())
