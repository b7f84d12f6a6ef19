"""Batches into tables: many rows at once, and none that is there already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from vaquero_viewer.otlp.batch import Batch, Row
from vaquero_viewer.store import rollups, schema
from vaquero_viewer.store.fingerprint import fingerprints
from vaquero_viewer.store.opening import Database
from vaquero_viewer.store.runs import Runs

_KNOWN_SPANS = f"""
SELECT replace(trace_id::VARCHAR, '-', ''), span_id FROM {schema.CATALOG}.spans
WHERE span_id IN (SELECT unnest(?::UBIGINT[]))
"""
# An identical point or log record has the same time, so only that stretch of time is read.
_KNOWN_POINTS = f"""
SELECT series_id, time_ns FROM {schema.CATALOG}.metric_points
WHERE time_ns BETWEEN ? AND ? AND series_id IN (SELECT unnest(?::UBIGINT[]))
"""
_KNOWN_LOGS = f"""
SELECT time_ns, identity FROM {schema.CATALOG}.logs
WHERE time_ns BETWEEN ? AND ? AND identity IN (SELECT unnest(?::UBIGINT[]))
"""

_STATEMENT = next(
    index for index, (name, _) in enumerate(schema.SPANS.columns) if name == "db_query_fingerprint"
)
"""Where the row of a span has the statement of its query."""

_COMMITS = f"""
WITH rolled AS (SELECT value::BIGINT AS number FROM {schema.CATALOG}.{schema.META.name}
                WHERE key = '{rollups.ROLLED_UP_TO}')
SELECT coalesce(max(commit_number), 0), (SELECT number FROM rolled),
       count(*) FILTER (commit_number > (SELECT number FROM rolled))
FROM {schema.CATALOG}.spans
"""


@dataclass
class Inserted:
    """How many rows went in, and how many were there already."""

    spans: int = 0
    points: int = 0
    logs: int = 0
    repeated: int = 0

    @property
    def total(self) -> int:
        """All rows that went in."""
        return self.spans + self.points + self.logs


class Inserter:
    """Writes batches into a database, and remembers the small tables' ids.

    Only the writer thread may use it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._resources: set[int] = set()
        self._scopes: set[int] = set()
        self._series: set[int] = set()
        self._runs = Runs(database.connection)
        self._commit_number = 0
        self.pending_spans = 0
        self.reload()

    def reload(self) -> None:
        """Read the known ids again, after rows were removed or a transaction was undone."""
        self._resources = self._ids("resource_id", schema.RESOURCES)
        self._scopes = self._ids("scope_id", schema.SCOPES)
        self._series = self._ids("series_id", schema.SERIES)
        self._runs = Runs(self._database.connection)
        ((newest, rolled, pending),) = self._fetch(_COMMITS, [])
        self._commit_number = max(newest, rolled)
        self.pending_spans = pending

    def insert(self, batches: Sequence[Batch]) -> Inserted:
        """Insert ``batches`` in one transaction, all or nothing.

        Raises:
            duckdb.Error: If they cannot be written; nothing of them is in the store then.
        """
        self._database.connection.execute("BEGIN")
        try:
            inserted = self._insert(batches)
            self._database.connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        return inserted

    @property
    def has_upkeep(self) -> bool:
        """Whether :meth:`keep_up` has something to do."""
        return bool(self.pending_spans) or self._runs.has_unwritten

    def keep_up(self) -> None:
        """Roll up what was committed since the last time, and write when runs sent last.

        Raises:
            duckdb.Error: If that cannot be written; it may be tried again.
        """
        connection = self._database.connection
        connection.execute("BEGIN")
        try:
            if self.pending_spans:
                rollups.roll_up(connection, self._commit_number)
            self._runs.write_last_seen(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        self.pending_spans = 0

    def _undo(self) -> None:
        try:
            self._database.connection.execute("ROLLBACK")
            self.reload()
        except duckdb.Error:
            # DuckDB has undone it already, or the database is lost: the first error counts.
            return

    def _insert(self, batches: Sequence[Batch]) -> Inserted:
        spans: dict[tuple[str, int], Row] = {}
        points: dict[tuple[int, int], Row] = {}
        logs: dict[tuple[int, int], Row] = {}
        inserted = Inserted()
        for batch in batches:
            inserted.repeated += batch.repeated
            self._add_new(schema.RESOURCES, batch.resources, self._resources)
            self._add_new(schema.SCOPES, batch.scopes, self._scopes)
            self._add_new(schema.SERIES, batch.series, self._series)
            inserted.repeated += _merge(spans, batch.spans)
            inserted.repeated += _merge(points, batch.points)
            inserted.repeated += _merge(logs, batch.logs)
            self._runs.merge(self._database.connection, batch.runs.values())
        inserted.repeated += self._remove_known(spans, points, logs)
        self._spans(spans.values())
        self._rows(schema.POINTS, points.values())
        self._rows(schema.LOGS, logs.values())
        inserted.spans, inserted.points, inserted.logs = len(spans), len(points), len(logs)
        return inserted

    def _spans(self, rows: Collection[Row]) -> None:
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            columns[_STATEMENT] = fingerprints(columns[_STATEMENT])
            number = self._commit_number + 1
            columns.append([number] * len(rows))
            self._database.connection.execute(*schema.SPANS.insert(columns))
            self._commit_number = number
            self.pending_spans += len(rows)

    def _remove_known(
        self,
        spans: dict[tuple[str, int], Row],
        points: dict[tuple[int, int], Row],
        logs: dict[tuple[int, int], Row],
    ) -> int:
        """Take out of the three what the store holds already; returns how many that were."""
        removed = 0
        if spans:
            for row in self._fetch(_KNOWN_SPANS, [[key[1] for key in spans]]):
                removed += spans.pop((row[0], row[1]), None) is not None
        if points:
            times = [key[1] for key in points]
            given = [min(times), max(times), list({key[0] for key in points})]
            for row in self._fetch(_KNOWN_POINTS, given):
                removed += points.pop((row[0], row[1]), None) is not None
        if logs:
            times = [key[0] for key in logs]
            given = [min(times), max(times), [key[1] for key in logs]]
            for row in self._fetch(_KNOWN_LOGS, given):
                removed += logs.pop((row[0], row[1]), None) is not None
        return removed

    def _add_new(self, table: schema.Table, rows: dict[int, Row], known: set[int]) -> None:
        new = [row for key, row in rows.items() if key not in known]
        self._rows(table, new)
        known.update(rows)

    def _rows(self, table: schema.Table, rows: Collection[Row]) -> None:
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self._database.connection.execute(*table.insert(columns))

    def _fetch(self, query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        return self._database.connection.execute(query, parameters).fetchall()

    def _ids(self, column: str, table: schema.Table) -> set[int]:
        rows = self._fetch(f"SELECT {column} FROM {schema.CATALOG}.{table.name}", [])
        return {row[0] for row in rows}


def _merge(into: dict[Any, Row], rows: dict[Any, Row]) -> int:
    """Add the rows whose key is new; returns how many were not."""
    before = len(into)
    for key, row in rows.items():
        into.setdefault(key, row)
    return len(rows) - (len(into) - before)
