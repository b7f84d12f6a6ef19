"""Keeping the store within its size and age: the oldest rows go, and are counted."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field

import duckdb

from vaquero_viewer.store import rollups, schema
from vaquero_viewer.store.opening import Database
from vaquero_viewer.store.reading import Reader

_FULL = 0.75
"""Share of the allowed size at which rows are dropped.

DuckDB writes the end of a table anew before it frees the old one, so the file is by about a
quarter larger than what is in it.
"""

_TARGET = 0.55
"""Share of the allowed size down to which they are dropped."""

_ROUNDS = 12

_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

_WITH_ORIGIN = ("spans", "logs", "metric_series", "profiles")
_REFERRED = (
    ("metric_series", "series_id", ("metric_points",)),
    ("profile_stacks", "stack_id", ("profile_samples",)),
    ("resources", "resource_id", _WITH_ORIGIN),
    ("scopes", "scope_id", _WITH_ORIGIN),
)
"""Tables without a time of their own: a row stays while one of the tables refers to it."""

_GONE = (
    f"AND run_id NOT IN (SELECT run_id FROM {schema.CATALOG}.resources WHERE run_id IS NOT NULL)"
)


@dataclass
class Dropped:
    """Rows dropped since the store was opened, by table."""

    spans: int = 0
    metric_points: int = 0
    logs: int = 0
    profiles: int = 0
    profile_samples: int = 0
    runs: int = 0
    reasons: dict[str, int] = field(default_factory=lambda: {"size": 0, "age": 0})

    def add(self, table: str, count: int, reason: str) -> None:
        """Count ``count`` rows of ``table``."""
        setattr(self, table, getattr(self, table) + count)
        self.reasons[reason] += count


class Retention:
    """Drops the oldest rows; only the writer thread may use it.

    "Oldest" goes by arrival, not by the time a record bears: clocks of other machines, and
    imports of old data, must not decide what is kept.

    Args:
        database: The open database.
        max_size_bytes: What file and log together may take (in memory: the tables).
        max_age_s: How long a record is kept.
    """

    def __init__(self, database: Database, *, max_size_bytes: int, max_age_s: float) -> None:
        self._database = database
        self.max_size_bytes = max_size_bytes
        self._max_age_s = max_age_s
        self.dropped = Dropped()

    def used_bytes(self, reader: Reader | None = None) -> int:
        """Room that the store takes now; blocks that are free in the file do not count.

        Args:
            reader: Where to ask; threads other than the writer's must give one.
        """
        ask = reader or Reader(self._database)
        if self._database.path is None:
            return int(
                ask.row(
                    "SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory() "
                    "WHERE tag IN ('BASE_TABLE', 'IN_MEMORY_TABLE', 'OVERFLOW_STRINGS')"
                )[0]
            )
        blocks, log = ask.row(
            "SELECT used_blocks * block_size, wal_size FROM pragma_database_size() "
            "WHERE database_name = ?",
            [schema.CATALOG],
        )
        return int(blocks) + _size_bytes(str(log))

    def enforce_age(self, now_ns: int) -> int:
        """Drop what is older than allowed; returns how many rows that were."""
        return self._drop(now_ns - int(self._max_age_s * 1e9), "age")

    def enforce_size(self) -> int:
        """Drop the oldest rows until the store fits; returns how many rows that were."""
        dropped = 0
        if not self._is_full():
            return dropped
        for _ in range(_ROUNDS):
            # The log of a file is as large as what was not yet merged; merging alone may do.
            self._checkpoint()
            if not self._is_full():
                break
            share = max(0.1, 1 - self.max_size_bytes * _TARGET / self.used_bytes())
            cutoff = self._cutoff(share)
            if cutoff is None:
                break
            dropped += self._drop(cutoff + 1, "size")
            self._checkpoint()
            if self._is_full():
                self._compact()
        return dropped

    def _is_full(self) -> bool:
        return self.used_bytes() >= self.max_size_bytes * _FULL

    def _compact(self) -> None:
        """Write the tables anew.

        DuckDB frees space by whole groups of some thousand rows; where rows are large, a group
        that is still in use may hold most of what was dropped.
        """
        for table in (*schema.RECORDS, schema.ROLLUPS):
            name = f"{schema.CATALOG}.{table.name}"
            self._database.connection.execute("BEGIN")
            try:
                self._database.connection.execute(
                    f"CREATE TABLE {name}_anew AS SELECT * FROM {name}"
                )
                self._database.connection.execute(f"DROP TABLE {name}")
                self._database.connection.execute(f"ALTER TABLE {name}_anew RENAME TO {table.name}")
                self._database.connection.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):
                    self._database.connection.execute("ROLLBACK")
                raise
        self._checkpoint()

    def _cutoff(self, share: float) -> int | None:
        """Arrival time before which lies ``share`` of all rows; ``None`` in an empty store."""
        union = " UNION ALL ".join(
            f"SELECT received_ns FROM {schema.CATALOG}.{table.name}" for table in schema.RECORDS
        )
        row = self._database.connection.execute(
            f"SELECT quantile_disc(received_ns, ?::DOUBLE) FROM ({union})", [min(share, 1.0)]
        ).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def _drop(self, before_ns: int, reason: str) -> int:
        """Drop what arrived before a time; returns how many rows that were."""
        connection = self._database.connection
        counts: dict[str, int] = {}
        connection.execute("BEGIN")
        try:
            times = rollups.times_of(connection, "received_ns < ?", [before_ns])
            for table in schema.RECORDS:
                counts[table.name] = self._delete(table, "received_ns", before_ns)
            rollups.make_anew(connection, times)
            if any(counts.values()):
                self._drop_orphans()
            # A run goes with the last of its records, which may have come after its row was
            # written: while there are any, their resource is there too.
            counts[schema.RUNS.name] = self._delete(schema.RUNS, "last_seen_ns", before_ns, _GONE)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            raise
        for table, count in counts.items():
            self.dropped.add(table, count, reason)
        return sum(counts.values())

    def _delete(self, table: schema.Table, column: str, before_ns: int, also: str = "") -> int:
        row = self._database.connection.execute(
            f"DELETE FROM {schema.CATALOG}.{table.name} WHERE {column} < ? {also}", [before_ns]
        ).fetchone()
        return int(row[0]) if row else 0

    def _drop_orphans(self) -> None:
        """Remove series, stacks, resources and scopes that nothing refers to any more."""
        for table, column, users in _REFERRED:
            used = " UNION ".join(
                f"SELECT {column} FROM {schema.CATALOG}.{user} WHERE {column} IS NOT NULL"
                for user in users
            )
            self._database.connection.execute(
                f"DELETE FROM {schema.CATALOG}.{table} WHERE {column} NOT IN ({used})"
            )

    def _checkpoint(self) -> None:
        try:
            self._database.connection.execute(f"CHECKPOINT {schema.CATALOG}")
        except duckdb.TransactionException:
            # A reader is at work; the next round or the next call finds it gone.
            return


def _size_bytes(text: str) -> int:
    """DuckDB's "3.2 MiB" as bytes, rounded."""
    found = re.fullmatch(r"([\d.]+)\s*(\w+)", text.strip())
    if found is None:
        return 0
    return int(float(found.group(1)) * _UNITS.get(found.group(2), 1))
