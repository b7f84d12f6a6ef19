"""Opening the database file: who may, and what becomes of a file that cannot be used."""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import duckdb

from vaquero_viewer.errors import StoreError, StoreLocked
from vaquero_viewer.holders import describe_process
from vaquero_viewer.store import absent, migrations, rollups, schema, views

_log = logging.getLogger(__name__)

_MAGIC = b"DUCK"
_MAGIC_AT = 8
_REFUSALS = (
    "no space",
    "permission denied",
    "cannot open file",
    "read-only file system",
    # The memory is too small, not the file damaged.
    "out of memory",
    "failed to allocate",
    "could not allocate",
    # Of a newer DuckDB: the file is sound, and this program too old for it.
    "can only read versions",
)

_open_here: set[str] = set()
_open_here_lock = threading.Lock()


class Database:
    """An open database, attached as :data:`schema.CATALOG`.

    Attributes:
        connection: For the writer alone; readers take cursors of it.
        path: The file, or ``None`` when the data lies in memory.
        notices: Lines for the person who started the viewer: what was migrated, or moved aside
            and why.

    Args:
        path: The file, made where it is missing; ``None`` for a database in memory.
        memory_limit_bytes: What DuckDB may take.
        log_limit_bytes: Size of the log at which it is merged into the file.
        read_only: Change nothing: the file must be there, and of this version of the tables.

    Raises:
        StoreLocked: If another process, or another viewer of this one, has the file open.
        StoreError: If the file cannot be used and must not be touched either.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        memory_limit_bytes: int,
        log_limit_bytes: int = 16_000_000,
        read_only: bool = False,
    ) -> None:
        self.path = path
        self._read_only = read_only
        self.notices: list[str] = []
        self._memory_limit_bytes = memory_limit_bytes
        self._log_limit_bytes = log_limit_bytes
        self._claimed = None if path is None else _claim(path)
        absent.store_opened()
        try:
            self.connection = self._open()
        except BaseException:
            self._release()
            raise

    def reopen(self) -> None:
        """Open the file anew, after a failure that DuckDB cannot go on from.

        Raises:
            duckdb.Error: If it cannot be opened now; it may be tried again.
        """
        self.connection.close()
        self.connection = self._connect()
        if self.path is None:
            self.notices.append("the database in memory broke and was started anew, empty")

    def close(self) -> None:
        """Write what is left into the file and let it go."""
        try:
            self.connection.close()
        except duckdb.Error as error:
            # On a full disk the log could not be merged; it is read when the file is opened next.
            _log.warning("%s was closed without merging its log: %s", self.path, error)
        finally:
            self._release()

    def clear(self) -> None:
        """Empty all tables, and give the room back."""
        self.connection.execute("BEGIN")
        try:
            for table in schema.TABLES:
                if table is not schema.META:
                    self.connection.execute(f"DROP TABLE {schema.CATALOG}.{table.name}")
                    self.connection.execute(table.create)
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")
            raise
        # A reader at work only puts the room's return off to the next checkpoint.
        with suppress(duckdb.TransactionException):
            self.connection.execute(f"CHECKPOINT {schema.CATALOG}")

    def keep_private(self) -> None:
        """Take the file and its log away from all but their owner.

        DuckDB makes them with the process's umask, which is the program's business (it would
        be inherited by what that program starts), so it is not changed here.
        """
        if self.path is None or self._read_only:
            return
        for file in (self.path, _log_of(self.path)):
            with suppress(FileNotFoundError):
                if file.stat().st_mode & 0o077:
                    file.chmod(0o600)

    def _release(self) -> None:
        absent.store_closed()
        if self._claimed is not None:
            with _open_here_lock:
                _open_here.discard(self._claimed)

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self.path is None:
            return self._connect()
        if self._read_only:
            return self._connect_read_only(self.path)
        _make_folder(self.path.parent)
        _check_readable(self.path)
        flaw = _flaw_of_header(self.path)
        if flaw is None:
            try:
                return self._connect()
            except _Outdated as error:
                self._migrate(self.path, error.version)
                return self._connect()
            except duckdb.Error as error:
                flaw = self._flaw_of(error)
        self._move_aside(flaw)
        return self._connect()

    def _connect_read_only(self, path: Path) -> duckdb.DuckDBPyConnection:
        if not path.exists():
            raise StoreError(f"{path} is not there: nothing can be read from it")
        try:
            return self._connect()
        except duckdb.Error as error:
            flaw = self._flaw_of(error)
        raise StoreError(f"{path} cannot be read: {flaw}")

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{self._memory_limit_bytes // 1_000_000}MB",
                "checkpoint_threshold": f"{self._log_limit_bytes // 1000}KB",
                "threads": 2,
                "temp_directory": "",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        try:
            where = ":memory:" if self.path is None else str(self.path).replace("'", "''")
            # Small row groups: space comes free a whole group at a time.
            options = "READ_ONLY" if self._read_only else "ROW_GROUP_SIZE 8192"
            connection.execute(f"ATTACH '{where}' AS {schema.CATALOG} ({options})")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self.keep_private()
        return connection

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the tables in an empty database; migrate those of an older version."""
        rows = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [schema.CATALOG]
        ).fetchall()
        tables = {str(row[0]) for row in rows}
        if tables and schema.META.name not in tables:
            raise StoreError(
                f"{self.path} is a DuckDB database of something else (it has a table "
                f"{min(tables)!r}); nothing was changed: give another file with --path"
            )
        meta = _meta(connection) if tables else {}
        if tables:
            self._check_version(meta.get("version"))
        if self._read_only:
            if not tables:
                raise StoreError(f"{self.path} is empty: nothing can be read from it")
            return
        connection.execute("BEGIN")
        for table in schema.TABLES:
            connection.execute(table.create)
        if not tables:
            _put_meta(connection, "version", str(schema.VERSION))
            _put_meta(connection, rollups.ROLLED_UP_TO, "0")
        if meta.get("views") != views.FINGERPRINT:
            for name, query in views.VIEWS.items():
                connection.execute(f"CREATE OR REPLACE VIEW {schema.CATALOG}.{name} AS {query}")
            _put_meta(connection, "views", views.FINGERPRINT)
        connection.execute("COMMIT")
        if self.path is not None:
            # Of a migration that was killed: nobody else can be at work, the file is ours now.
            shutil.rmtree(migrations.spill_folder(self.path), ignore_errors=True)

    def _check_version(self, version: str | None) -> None:
        """Raise unless the tables are of this version.

        Raises:
            StoreError: If they are of a newer version, or of none that is known.
            _Outdated: If they are of an older one.
        """
        found = int(version) if version and re.fullmatch("[0-9]{1,9}", version) else 0
        if found == schema.VERSION:
            return
        if not migrations.OLDEST <= found < schema.VERSION:
            newer = "of a newer vaquero-viewer" if found else "none that is known"
            raise StoreError(
                f"{schema.META.name}.version={version!r} (in {self.path}) is {newer}; valid: "
                f"{migrations.OLDEST} to {schema.VERSION}. Nothing was changed: update "
                "vaquero-viewer, or give another file with --path"
            )
        if self._read_only:
            raise StoreError(
                f"{self.path} has version {found} of the tables, and reading it needs version "
                f"{schema.VERSION}: open it once with 'vaquero view --path' to migrate it"
            )
        raise _Outdated(found)

    def _migrate(self, path: Path, found: int) -> None:
        change = f"from version {found} to {schema.VERSION} of the tables"
        try:
            migrations.migrate_file(path, found, self._memory_limit_bytes)
        except (duckdb.Error, OSError) as error:
            text = str(error).strip().splitlines()[0]
            _refuse_locked(path, text)
            raise StoreError(
                f"{path} cannot be migrated {change}: {text}; nothing of it was lost: "
                "mend that, or give another file with --path"
            ) from None
        self.notices.append(f"{path} was migrated {change}")

    def _flaw_of(self, error: duckdb.Error) -> str:
        """What is wrong with the file; raises where the file itself is not to blame."""
        text = str(error).strip().splitlines()[0]
        _refuse_locked(self.path, text)
        if any(word in text.lower() for word in _REFUSALS):
            raise StoreError(f"{self.path} cannot be used: {text}") from None
        return text

    def _move_aside(self, flaw: str) -> None:
        assert self.path is not None
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        target = self.path.with_name(f"{self.path.name}.bak-{stamp}")
        count = 1
        while target.exists():
            count += 1
            target = self.path.with_name(f"{self.path.name}.bak-{stamp}-{count}")
        os.replace(self.path, target)
        log = _log_of(self.path)
        if log.exists():
            os.replace(log, _log_of(target))
        self.notices.append(
            f"{self.path} could not be used ({flaw}); it was kept as {target.name}, "
            "and an empty database was started in its place"
        )


class _Outdated(Exception):
    """The tables are of an older version."""

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"version {version}")


def _meta(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.execute(
        f"SELECT key, value FROM {schema.CATALOG}.{schema.META.name}"
    ).fetchall()
    return {str(key): str(value) for key, value in rows}


def _put_meta(connection: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    table = f"{schema.CATALOG}.{schema.META.name}"
    connection.execute(f"DELETE FROM {table} WHERE key = ?", [key])
    connection.execute(f"INSERT INTO {table} VALUES (?, ?)", [key, value])


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _claim(path: Path) -> str:
    """Note that this process opens ``path``: DuckDB does not refuse that by itself."""
    key = os.path.realpath(path)
    with _open_here_lock:
        if key in _open_here:
            raise StoreLocked(str(path), f"this process ({describe_process(os.getpid())})")
        _open_here.add(key)
    return key


def _refuse_locked(path: Path | None, text: str) -> None:
    """Raise if DuckDB's error says that another process has the file open."""
    if "lock on file" in text or "being used by another process" in text:
        raise StoreLocked(str(path), _holder(text)) from None


def _holder(text: str) -> str:
    found = re.search(r"\(PID (\d+)\)", text)
    return describe_process(int(found.group(1))) if found else "another process"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from None


def _check_readable(path: Path) -> None:
    """Raise for what renaming would not cure; an empty file is taken away, it holds nothing."""
    try:
        if path.is_dir():
            raise StoreError(f"{path} is a folder: give a file with --path")
        if not path.exists():
            return
        with path.open("r+b"):
            pass
        if path.stat().st_size == 0:
            path.unlink()
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from None


def _flaw_of_header(path: Path) -> str | None:
    """Why the file is no database at all; ``None`` if it is one, or is not there.

    Raises:
        StoreError: If neither its name nor its beginning says that it is a database: such a
            file belongs to somebody, and is not even moved.
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        head = file.read(_MAGIC_AT + len(_MAGIC))
    if head[_MAGIC_AT:] == _MAGIC:
        return None
    if path.suffix in {".duckdb", ".db", ".ddb"}:
        return "it is not a DuckDB database, or its beginning is damaged"
    raise StoreError(
        f"{path} is not a DuckDB database; nothing was changed: give another file with --path"
    )
