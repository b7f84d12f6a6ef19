"""The table of runs: what is known about each, written by the inserter, read by anybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, replace

import duckdb

from vaquero_viewer.otlp.runs import RUN_FIELDS, Run
from vaquero_viewer.store import schema
from vaquero_viewer.store.reading import STORE, Reader, RowFilter

_COLUMNS = ", ".join(RUN_FIELDS)


class Runs:
    """What the table holds, in memory: it is small, and asked with each request.

    A run is written in the transaction of the records that said something new about it. That it
    sent something more is written later, together for all: see :meth:`write_last_seen`.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM {STORE}.runs").fetchall()
        self._known = {row[0]: Run(*row) for row in rows}
        self._seen: set[str] = set()

    def merge(self, connection: duckdb.DuckDBPyConnection, said: Iterable[Run]) -> None:
        """Take in what requests say about runs; in their transaction."""
        changed: set[str] = set()
        for run in said:
            known = self._known.get(run.run_id)
            if known is None:
                self._known[run.run_id] = replace(run)
                changed.add(run.run_id)
            elif known.merge(run):
                changed.add(run.run_id)
            else:
                self._seen.add(run.run_id)
        self._write(connection, changed)

    def write_last_seen(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write when runs sent something last; in a transaction."""
        self._write(connection, set(self._seen))

    @property
    def has_unwritten(self) -> bool:
        """Whether :meth:`write_last_seen` has something to do."""
        return bool(self._seen)

    def _write(self, connection: duckdb.DuckDBPyConnection, ids: set[str]) -> None:
        if not ids:
            return
        rows = [astuple(self._known[run_id]) for run_id in ids]
        connection.execute(
            f"DELETE FROM {STORE}.runs WHERE run_id IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]
        )
        connection.execute(
            *schema.RUNS.insert([list(column) for column in zip(*rows, strict=True)])
        )
        self._seen -= ids


def runs(reader: Reader, *, service: str | None, limit: int) -> list[Run]:
    """Runs, those that began last first."""
    chosen = RowFilter().add("service_name = ?", service)
    query = (
        f"SELECT {_COLUMNS} FROM {STORE}.runs {chosen.where} "
        f"ORDER BY coalesce(start_ns, first_seen_ns) DESC, run_id LIMIT {int(limit)}"
    )
    return [Run(*row) for row in reader.rows(query, chosen.parameters)]
