"""The viewer's store of two versions, side by side: ``python -m benchmarks.store --against REF``.

``REF`` is a commit with the version to compare with; its ``viewer/src`` is taken out of the
repository. Both versions work in turn, in processes of their own, on the same telemetry; the
table has the medians, and the medians of the ratios of each round. The version of ``REF`` makes
a file, the current one migrates a copy of it, and both are asked the same questions.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.harness import WorkerProcess

ROOT = Path(__file__).parents[2]
BASE, NOW = "before", "now"


class Process(WorkerProcess):
    """A worker with one version of the viewer."""

    def __init__(self, sources: Sequence[Path]) -> None:
        inherited = filter(None, [os.environ.get("PYTHONPATH")])
        paths = [*map(str, sources), str(ROOT), *inherited]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        super().__init__(paths[0], "benchmarks.store.worker", paths[:1], env)


def main() -> int:
    """Print the tables in Markdown on stdout, progress on stderr."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    options.add_argument("--against", required=True, metavar="REF", help="commit to compare with")
    options.add_argument("--rows", type=int, default=1_000_000, help="rows of the file")
    options.add_argument("--rounds", type=int, default=9, help="rounds of insertion and questions")
    given = options.parse_args()
    if given.rounds < 2:
        options.error(f"--rounds {given.rounds}: valid are 2 and more, the first is for warming up")
    with tempfile.TemporaryDirectory(prefix="vaquero-store-") as folder:
        place = Path(folder)
        sources = {BASE: _sources_of(given.against, place / BASE), NOW: _own_sources()}
        print(f"CPython {platform.python_version()}, DuckDB {duckdb.__version__}\n")
        _print(
            ("inserted, each 16 000 spans, 2 000 logs, 8 000 points", "before", "now", "ratio"),
            _insertion(sources, place, given.rounds),
        )
        old = place / "before.duckdb"
        _progress(f"a file of {given.rows} rows")
        _fill(sources[BASE], old, given.rows)
        new = place / "now.duckdb"
        shutil.copy(old, new)
        _print(("migration", "", "", ""), _migration(sources[NOW], old, new))
        _print(
            (f"{given.rows} rows stored, CPU", "before", "now", "ratio"),
            _questions(sources, {BASE: old, NOW: new}, given.rounds),
        )
    return 0


def _sources_of(ref: str, place: Path) -> list[Path]:
    packed = subprocess.run(
        ["git", "archive", ref, "viewer/src"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(place)
    return [place / "viewer/src"]


def _own_sources() -> list[Path]:
    return [ROOT / "viewer/src", ROOT / "conditions/src"]


def _insertion(sources: dict[str, list[Path]], place: Path, rounds: int) -> list[list[str]]:
    """Both in turn, each round into a file of its own."""
    seen: dict[str, list[dict[str, float]]] = {BASE: [], NOW: []}
    processes = {name: Process(paths) for name, paths in sources.items()}
    for turn in range(rounds):
        for name in _turned(turn):
            _progress(f"insertion, round {turn + 1}, {name}")
            path = place / f"insert-{name}-{turn}.duckdb"
            processes[name].order("open", path=str(path))
            # A minute of telemetry a round.
            order = {"traces": 2000, "logs": 2000, "points": 8000, "within_s": 60}
            # The first round is for warming up: what is loaded once, is loaded then.
            spent = processes[name].order("fill", seed=turn, **order)
            if turn:
                seen[name].append(spent)
            processes[name].order("close")
            path.unlink()
    for process in processes.values():
        process.stop()
    units = {"cpu_us_a_row": "CPU, µs a row", "wall_us_a_row": "wall, µs a row"}
    lines = [_line(text, seen, name) for name, text in units.items()]
    last = {name: [seen[name][-1]] for name in seen}
    return [*lines, _line("memory of the process, MB", last, "rss_mb")]


def _fill(sources: list[Path], path: Path, rows: int) -> None:
    process = Process(sources)
    process.order("open", path=str(path))
    process.order("fill", traces=rows * 6 // 80, logs=rows // 10, points=rows * 3 // 10)
    process.order("close")
    process.stop()


def _migration(sources: list[Path], old: Path, new: Path) -> list[list[str]]:
    before = _checksums(old, _columns(old))
    _progress("migration")
    process = Process(sources)
    spent = process.order("open", path=str(new))
    sizes = process.order("sizes")
    process.order("close")
    process.stop()
    after = _checksums(new, _columns(old))
    same = before == after
    lines = [
        ["wall, s", "", f"{spent['wall_s']:.1f}", "≤ 60"],
        ["CPU, s", "", f"{spent['cpu_s']:.1f}", ""],
        ["peak memory of the process, MB", "", f"{spent['rss_mb']:.0f}", "≤ 500"],
        ["file, MB", f"{old.stat().st_size / 1e6:.0f}", f"{new.stat().st_size / 1e6:.0f}", ""],
        ["used in the file, MB", "", f"{sizes['used_mb']:.0f}", ""],
        ["rows, checksums of all columns", f"{len(before)} tables", "same" if same else "no", ""],
    ]
    if not same:
        raise SystemExit("the migrated file does not hold what the old one did")
    return lines


def _questions(
    sources: dict[str, list[Path]], files: dict[str, Path], rounds: int
) -> list[list[str]]:
    processes = {name: Process(paths) for name, paths in sources.items()}
    seen: dict[str, list[dict[str, float]]] = {BASE: [], NOW: []}
    for name, process in processes.items():
        process.order("open", path=str(files[name]))
    for turn in range(rounds + 1):
        for name in _turned(turn):
            _progress(f"questions, round {turn}, {name}")
            answer = processes[name].order("ask")
            if turn:
                seen[name].append(answer)
    last = {name: [process.order("sizes")] for name, process in processes.items()}
    for process in processes.values():
        process.order("close")
        process.stop()
    lines = [_line(f"{name}, ms", seen, name) for name in seen[BASE][0]]
    return [*lines, _line("memory of the process, MB", last, "rss_mb")]


def _columns(path: Path) -> dict[str, list[str]]:
    """Each table of the file with its columns."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
            "WHERE NOT internal AND table_name <> 'vaquero_meta' "
            "AND table_name IN (SELECT table_name FROM duckdb_tables()) GROUP BY ALL"
        ).fetchall()
    return dict(rows)


def _checksums(path: Path, columns: dict[str, list[str]]) -> dict[str, tuple[Any, ...]]:
    """For each table the number of its rows, and a sum over each column and over whole rows."""
    sums: dict[str, tuple[Any, ...]] = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        for table, names in columns.items():
            each = ", ".join(f'sum(hash("{name}")::HUGEINT)' for name in names)
            whole = ", ".join(f'"{name}"' for name in names)
            query = f"SELECT count(*), {each}, sum(hash(row({whole}))::HUGEINT) FROM {table}"
            sums[table] = tuple(connection.execute(query).fetchall()[0])
    return sums


def _turned(turn: int) -> list[str]:
    """Another one begins each time, so that none always has the warm machine."""
    return [BASE, NOW] if turn % 2 else [NOW, BASE]


def _line(text: str, seen: dict[str, list[dict[str, float]]], name: str) -> list[str]:
    base, now = ([entry[name] for entry in seen[key]] for key in (BASE, NOW))
    ratio = median(b / a for a, b in zip(base, now, strict=True) if a)
    return [text, f"{median(base):.1f}", f"{median(now):.1f}", f"{ratio:.2f}"]


def _print(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    for line in (head, ["---"] * len(head), *lines):
        print(f"| {' | '.join(line)} |")
    print(flush=True)


def _progress(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
