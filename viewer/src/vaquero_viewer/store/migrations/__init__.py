"""The chain of migrations: how a file of an older version becomes one of this version.

One module a version, named for the version that it makes. It works on the tables as they were:
it has its own text of every table that it makes and never uses :mod:`vaquero_viewer.store.schema`,
which goes on changing. Each runs in one transaction together with the new version number, so a
file is of the old version or of the new one at any moment, also after ``kill -9``. Where several
are due, each is committed before the next begins.

To change the tables: raise ``schema.VERSION``, change the tables there, add a module here and put
it into :data:`MIGRATIONS`; the tests compare a migrated file with a new one.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import duckdb

from vaquero_viewer.store.migrations import m0002_runs_and_rollups
from vaquero_viewer.store.migrations.progress import Progress

_log = logging.getLogger(__name__)

_LARGE_ROWS = 100_000
_MEMORY_BYTES = 400_000_000


class Migration(NamedTuple):
    """One step of the chain.

    Attributes:
        version: The version that it makes, from the one before it.
        apply: Changes the tables of the catalog ``store``; a transaction is open, and is the
            caller's.
    """

    version: int
    apply: Callable[[duckdb.DuckDBPyConnection, Progress], None]


MIGRATIONS = (Migration(2, m0002_runs_and_rollups.apply),)
OLDEST = MIGRATIONS[0].version - 1
"""The oldest version that the chain begins with."""


@dataclass
class _Logged(Progress):
    """Progress as lines of the log: where many rows are to be moved a person waits for it."""

    version: int
    file: str
    level: int
    _next: float = field(default_factory=lambda: time.monotonic() + 2.0)

    def __call__(self, table: str, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 2.0
            _log.log(
                self.level,
                "%s: migrating to version %d of the tables: %s, %d of %d rows",
                self.file, self.version, table, done, total,
            )  # fmt: skip


def migrate_file(path: Path, found: int, memory_bytes: int) -> None:
    """Bring a file of version ``found`` to the newest; nobody may have it open.

    The connection is one of its own: rows may be so wide that a group of them does not fit into
    the memory of a viewer, so here DuckDB may take more, and put what waits into a folder beside
    the file that only its owner can read.

    Args:
        path: The file.
        found: Version of its tables, at least :data:`OLDEST`.
        memory_bytes: What DuckDB may take, if that is more than a migration takes anyway.

    Raises:
        duckdb.Error: If a migration cannot be done; the file is as the last complete one left it.
        OSError: If the folder cannot be made.
    """
    folder = spill_folder(path)
    # Not before the file is ours: the folder may be that of another process at work.
    is_ours = False
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{max(memory_bytes, _MEMORY_BYTES) // 1_000_000}MB",
            # A second one would need as much memory again, and saves little.
            "threads": 1,
            "temp_directory": str(folder),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        where = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{where}' AS store (ROW_GROUP_SIZE 8192)")
        is_ours = True
        folder.mkdir(mode=0o700, exist_ok=True)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        migrate(connection, found, str(path))
    finally:
        connection.close()
        if is_ours:
            shutil.rmtree(folder, ignore_errors=True)


def spill_folder(path: Path) -> Path:
    """Where DuckDB may put what waits while the file is migrated; left behind only by a kill."""
    return path.with_name(path.name + ".migrating")


def migrate(connection: duckdb.DuckDBPyConnection, found: int, file: str) -> None:
    """Bring the attached database from version ``found`` to the newest.

    Args:
        connection: Has the database attached as ``store``; no transaction is open.
        found: Version of its tables, at least :data:`OLDEST`.
        file: The file, for the log.

    Raises:
        duckdb.Error: If a migration cannot be done; the file is as the last complete one left it.
    """
    rows = _rows(connection)
    level = logging.WARNING if rows >= _LARGE_ROWS else logging.INFO
    for migration in MIGRATIONS:
        if migration.version <= found:
            continue
        began = time.monotonic()
        _log.log(
            level, "%s: migrating to version %d of the tables (%d rows)",
            file, migration.version, rows,
        )  # fmt: skip
        connection.execute("BEGIN")
        try:
            migration.apply(connection, _Logged(migration.version, file, level))
            connection.execute(
                "UPDATE store.vaquero_meta SET value = ? WHERE key = 'version'",
                [str(migration.version)],
            )
            connection.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            raise
        # The room of the old tables comes free with this.
        connection.execute("CHECKPOINT store")
        _log.log(
            level, "%s: migrated to version %d of the tables in %.1f s",
            file, migration.version, time.monotonic() - began,
        )  # fmt: skip


def _rows(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(estimated_size), 0) FROM duckdb_tables() WHERE database_name = 'store'"
    ).fetchone()
    return int(row[0]) if row else 0
