"""Files of older versions: migrated whole, at once or not at all, and never put aside."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from vaquero_viewer import Store, StoreError, StoreLocked
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store import migrations, schema
from vaquero_viewer.store.migrations import m0002_runs_and_rollups as second
from vaquero_viewer.store.opening import Database

from viewer.tests.store.content import checksums, columns_of


def test_nothing_is_lost(old_file, rows):
    """Each table has the same rows afterwards: counts and checksums of all columns."""
    columns = columns_of(rows, old_file)
    before = checksums(rows, old_file, columns)
    assert set(columns) == {
        "spans", "metric_series", "metric_points", "logs", "resources", "scopes"
    }  # fmt: skip

    store = Store(old_file)
    notices = store.notices
    store.close()

    assert checksums(rows, old_file, columns) == before
    assert notices == [f"{old_file} was migrated from version 1 to 2 of the tables"]
    assert [entry.name for entry in old_file.parent.iterdir()] == [old_file.name]


def test_migrated_file_equals_a_new_one(old_file, fresh, rows):
    """What was migrated is what the same requests give in a new store, new columns included."""
    store = Store(old_file)
    try:
        for table in ("resources", "scopes", "metric_series", "metric_points", "logs", "runs"):
            query = f"SELECT * FROM {table} ORDER BY ALL"
            assert rows(store, query) == rows(fresh, query), table
        query = "SELECT * EXCLUDE commit_number FROM spans ORDER BY ALL"
        assert rows(store, query) == rows(fresh, query)
        query = "SELECT * FROM operations_10s ORDER BY ALL"
        assert rows(store, query) == rows(fresh, query)
        assert rows(store, "SELECT count(*) FROM operation_rollups") == rows(
            store, "SELECT count(*) FROM operations_10s"
        )
    finally:
        store.close()


def test_new_columns_are_filled(old_file, rows):
    """Route, fingerprint, server, exception and run come from what the rows have."""
    store = Store(old_file)
    try:
        found = rows(
            store,
            "SELECT DISTINCT http_route, server_address, exception_type, "
            "db_query_fingerprint IS NOT NULL FROM spans ORDER BY ALL",
        )
        assert found == [
            ("/x/{id}", None, "app.Boom", False),
            (None, "cache", None, True),
            (None, "db", None, True),
        ]
        assert rows(store, "SELECT count(DISTINCT db_query_fingerprint) FROM spans") == [(2,)]
        assert rows(store, "SELECT DISTINCT run_id FROM spans ORDER BY ALL") == [
            ("i1",), ("r2",), (None,)
        ]  # fmt: skip
        (run,) = (run for run in store.runs() if run.run_id == "r2")
        assert (run.command, run.exit_code, run.revision) == ("app.py --fast", 3, "abc")
        assert run.end_ns - run.start_ns == 10**9
    finally:
        store.close()


def test_schema_equals_that_of_a_new_file(old_file, tmp_path, rows):
    """A migrated file has the tables, columns, types and views of a new one."""
    Store(old_file).close()
    new = tmp_path / "new.duckdb"
    Store(new).close()

    query = (
        "SELECT table_name, column_name, data_type, column_index, is_nullable "
        "FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
    )
    assert rows(old_file, query) == rows(new, query)
    query = "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    assert rows(old_file, query) == rows(new, query)
    query = "SELECT * FROM vaquero_meta ORDER BY ALL"
    assert rows(old_file, query) == rows(new, query)


def test_migrated_file_takes_more(old_file, telemetry, make):
    """What is in the file already is known afterwards, and new records go in."""
    store = Store(old_file)
    try:
        for batch in telemetry:
            store.submit(batch).result(30)
        assert (store.counts().inserted, store.counts().spans) == (0, 120)
        store.submit(read_spans(make.spans({"trace": 999}), 2**60)).result(30)
        assert sum(row.calls for row in store.rollups()) == 121
    finally:
        store.close()


def test_empty_file_of_version_1(file, make_v1):
    """A file of version 1 without a row becomes one of this version without a row."""
    make_v1(file, [])
    store = Store(file)
    assert store.counts().spans == 0
    assert store.rollups() == []
    store.close()


@pytest.mark.parametrize("of", [{"_CHUNK_ROWS": 7}, {"_CHUNK_BYTES": 500}, {"_CHUNK_BYTES": 1}])
def test_file_in_chunks(old_file, fresh, rows, monkeypatch, of):
    """Where the spans are more than one chunk, each is there once and in its order."""
    for name, value in of.items():
        monkeypatch.setattr(second, name, value)
    monkeypatch.setattr(second, "_ROLLUPS_AT_ONCE_ROWS", 10)
    order = rows(old_file, "SELECT trace_id, span_id FROM spans ORDER BY rowid")
    store = Store(old_file)
    try:
        assert rows(store, "SELECT trace_id, span_id FROM spans ORDER BY rowid") == order
        query = "SELECT * FROM operations_10s ORDER BY ALL"
        assert rows(store, query) == rows(fresh, query)
    finally:
        store.close()


def test_failure_leaves_the_file_as_it_was(old_file, rows, monkeypatch):
    """If a migration cannot be done, the file stays, is not put aside, and the reason is said."""
    columns = columns_of(rows, old_file)
    before = checksums(rows, old_file, columns)

    def fail(connection, progress) -> None:
        second.apply(connection, progress)
        raise duckdb.OutOfMemoryException("no memory left\nmore")

    monkeypatch.setattr(migrations, "MIGRATIONS", (migrations.Migration(2, fail),))
    with pytest.raises(StoreError, match=r"migrated from version 1 to 2.*no memory left"):
        Store(old_file)
    monkeypatch.undo()

    assert checksums(rows, old_file, columns) == before
    Store(old_file).close()
    assert [entry.name for entry in old_file.parent.iterdir()] == [old_file.name]


def test_file_too_large_for_the_memory_is_not_put_aside(file, monkeypatch):
    """Where the memory does not suffice to open a sound file, it is refused and stays."""
    Store(file).close()

    def refuse(_database) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block")

    monkeypatch.setattr(Database, "_connect", refuse)
    with pytest.raises(StoreError, match="cannot be used: Out of Memory"):
        Store(file)
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_later_step_fails_after_an_earlier_one(old_file, rows, monkeypatch):
    """Of two steps the first is kept when the second fails, and the chain goes on from there."""

    def fail(connection, _progress) -> None:
        connection.execute("DROP TABLE store.logs")
        raise duckdb.IOException("no")

    chain = (*migrations.MIGRATIONS, migrations.Migration(3, fail))
    monkeypatch.setattr(migrations, "MIGRATIONS", chain)
    monkeypatch.setattr(schema, "VERSION", 3)
    with pytest.raises(StoreError, match="version 1 to 3"):
        Store(old_file)
    assert rows(old_file, "SELECT value FROM vaquero_meta WHERE key = 'version'") == [("2",)]

    calls = []
    chain = (*chain[:1], migrations.Migration(3, lambda *_: calls.append(3)))
    monkeypatch.setattr(migrations, "MIGRATIONS", chain)
    store = Store(old_file)
    assert (calls, store.counts().logs) == ([3], 82)
    store.close()


@pytest.mark.parametrize(
    ("version", "word"), [("3", "newer"), ("999", "newer"), ("0", "none that is known"),
                          ("two", "none that is known")],
)  # fmt: skip
def test_other_version_is_refused(file, rows, version, word):
    """A file of a newer or unknown version is refused with name, value, place and what is valid."""
    Store(file).close()
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE vaquero_meta SET value = ? WHERE key = 'version'", [version])
    before = file.read_bytes()

    with pytest.raises(StoreError) as caught:
        Store(file)

    text = str(caught.value)
    for part in (f"vaquero_meta.version='{version}'", str(file), word, "valid: 1 to 2", "--path"):
        assert part in text
    assert "\n" not in text
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_no_version_is_refused(file):
    """A file that lost its version is refused and left as it is."""
    Store(file).close()
    with duckdb.connect(str(file)) as connection:
        connection.execute("DELETE FROM vaquero_meta")
    with pytest.raises(StoreError, match="version=None"):
        Store(file)


def test_progress_is_logged(old_file, caplog, monkeypatch):
    """For a large file begin, progress and end are logged as warnings, which are seen."""
    monkeypatch.setattr(migrations, "_LARGE_ROWS", 10)
    monkeypatch.setattr(second, "_CHUNK_ROWS", 20)
    ticks = iter(range(0, 10_000, 5))
    monkeypatch.setattr(migrations.time, "monotonic", lambda: float(next(ticks)))
    with caplog.at_level(logging.INFO, "vaquero_viewer.store.migrations"):
        Store(old_file).close()
    lines = [record.getMessage() for record in caplog.records]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert f"{old_file}: migrating to version 2 of the tables: spans, 40 of 120 rows" in lines
    assert "migrated to version 2 of the tables in" in lines[-1]


_HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("open", flush=True); sys.stdin.read(); connection.close()
"""


@pytest.mark.parametrize("how", ["read", "write"])
def test_file_that_another_process_has_open(old_file, rows, how):
    """An old file that somebody has open is neither migrated nor put aside: who has it is said."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(old_file), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreLocked, match=f"process {holder.pid} "):
            Store(old_file)
        holder.communicate(b"", timeout=30)
    assert rows(old_file, "SELECT value FROM vaquero_meta") == [("1",)]
    Store(old_file).close()


def test_file_that_another_process_takes_first(old_file, monkeypatch):
    """Who comes second between looking and migrating is told who has the file, and leaves it."""
    folder = migrations.spill_folder(old_file)
    connect = Database._connect

    def look(database):
        try:
            return connect(database)
        finally:
            holder.stdin.write(b"x")
            holder.stdin.flush()
            assert holder.stdout.readline() == b"open\n"
            folder.mkdir()

    waits = "import sys; sys.stdin.read(1)\n" + _HOLDER
    with subprocess.Popen(
        [sys.executable, "-c", waits, str(old_file), "write"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        monkeypatch.setattr(Database, "_connect", look)
        with pytest.raises(StoreLocked, match=f"process {holder.pid} "):
            Store(old_file)
        holder.communicate(b"", timeout=30)
    assert folder.exists()


def test_reader_of_an_old_file(old_file, rows):
    """Who may only read is told in one line that the file must be migrated, and by what."""
    with pytest.raises(StoreError) as caught:
        Store(old_file, read_only=True)
    text = str(caught.value)
    assert "has version 1 of the tables" in text
    assert "vaquero view --path" in text
    assert "\n" not in text
    assert rows(old_file, "SELECT value FROM vaquero_meta") == [("1",)]


def test_file_of_a_newer_duckdb_is_not_put_aside(file, monkeypatch):
    """A file that only a newer DuckDB can read is refused: it is sound, this program too old."""
    Store(file).close()
    said = "Trying to read a database file with version number 99, but we can only read versions"

    def refuse(_database) -> None:
        raise duckdb.IOException(f"{said} between 64 and 68.")

    monkeypatch.setattr(Database, "_connect", refuse)
    with pytest.raises(StoreError, match=f"cannot be used: {said}"):
        Store(file)
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_chain_is_whole():
    """Each version from the oldest to this one has its migration, in order."""
    versions = [migration.version for migration in migrations.MIGRATIONS]
    assert versions == list(range(migrations.OLDEST + 1, schema.VERSION + 1))
    folder = Path(migrations.__file__).parent
    numbers = sorted(int(path.name[1:5]) for path in folder.glob("m[0-9]*.py"))
    assert numbers == versions
