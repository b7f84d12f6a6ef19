"""The database file: who may open it, and what becomes of one that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from vaquero_viewer import Store, StoreError, StoreLocked
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store.insertion import Inserter

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


def _put(store: Store, make, number: int = 1) -> None:
    store.submit(read_spans(make.spans({"id": number}), 1_800_000_000 * 10**9)).result(20)


@posix
def test_only_the_owner_can_read(file, make):
    """Folder 0700, database and its log 0600, whatever the umask of the program."""
    before = os.umask(0)
    try:
        store = Store(file)
        _put(store, make)
        modes = {entry.name: entry.stat().st_mode & 0o777 for entry in file.parent.iterdir()}
        store.close()
    finally:
        os.umask(before)

    assert modes == {"viewer.duckdb": 0o600, "viewer.duckdb.wal": 0o600}
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_data_is_there_after_a_restart(file, make):
    """What one viewer stored the next one shows."""
    for number in (1, 2):
        store = Store(file)
        _put(store, make, number)
        spans = store.counts().spans
        store.close()
    assert spans == 2


def test_data_survives_a_kill(file, make):
    """Acknowledged rows are there after the process died without closing the file."""
    code = (
        "import os, sys; from pathlib import Path; from vaquero_viewer import Store\n"
        "from vaquero_viewer.otlp.spans import read_spans\n"
        "from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as t\n"
        "r = t.ExportTraceServiceRequest.FromString(sys.stdin.buffer.read())\n"
        "Store(Path(sys.argv[1])).submit(read_spans(r, 1_800_000_000 * 10**9)).result(20)\n"
        "os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        input=make.spans({}).SerializeToString(),
        timeout=100,
    )
    assert done.returncode == 9

    store = Store(file)
    assert store.counts().spans == 1
    assert store.notices == []
    store.close()


def test_second_process_is_told_who_has_the_file(file):
    """A file that another process has open is refused in one line with that process's id."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from vaquero_viewer import Store\n"
            "s = Store(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read(); s.close()",
            str(file),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreLocked) as caught:
            Store(file)
        assert f"process {holder.pid} (" in str(caught.value)
        assert "--path" in str(caught.value)
        assert "\n" not in str(caught.value)
    finally:
        holder.communicate(b"", timeout=100)
    Store(file).close()


def test_same_process_cannot_open_it_twice(file):
    """Two stores of one process on one file would both write it: the second is refused."""
    first = Store(file)
    with pytest.raises(StoreLocked, match="this process"):
        Store(file)
    first.close()
    Store(file).close()


@pytest.mark.parametrize(
    "content", [b"this is no database" * 400, bytes(8) + b"DUCK" + b"\x99" * 9000],
    ids=["text", "damaged"],
)  # fmt: skip
def test_damaged_file_is_kept_and_replaced(file, make, content):
    """A damaged database is renamed, an empty one takes its place, and both are said."""
    file.parent.mkdir()
    file.write_bytes(content)

    store = Store(file)
    _put(store, make)
    (notice,) = store.notices
    store.close()

    (backup,) = file.parent.glob("*.bak-*")
    assert backup.read_bytes() == content
    assert backup.name in notice
    assert "could not be used" in notice


def test_read_only_store(file, make):
    """Opened to be read only, the file is read and not changed, and nothing can be stored."""
    store = Store(file)
    _put(store, make)
    store.close()
    before = file.read_bytes()

    store = Store(file, read_only=True)
    try:
        assert (store.counts().spans, store.version, store.failure) == (1, 1, None)
        assert len(store.operations()) == len(store.rollups()) == 1
        for call in (store.clear, lambda: _put(store, make, 2)):
            with pytest.raises(StoreError, match="read only"):
                call()
    finally:
        store.close()
    assert file.read_bytes() == before


def test_read_only_store_that_is_not_there(file):
    """A file that is not there is not made by a reader, and neither is its folder."""
    with pytest.raises(StoreError, match="is not there"):
        Store(file, read_only=True)
    assert not file.parent.exists()


def test_read_only_store_of_something_else(tmp_path):
    """What is no store is refused, and is left as it is."""
    for name, content in (("a.duckdb", b"x" * 5000), ("b.duckdb", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(StoreError):
            Store(path, read_only=True)
        assert path.read_bytes() == content
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.duckdb", "b.duckdb"]


def test_read_only_store_while_a_viewer_runs(file):
    """Who has the file is said to a reader, too."""
    Store(file).close()
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, duckdb\n"
         "c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()", str(file)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreLocked, match=f"process {holder.pid} "):
            Store(file, read_only=True)
    finally:
        holder.communicate(b"", timeout=30)


def test_database_of_somebody_else_is_not_touched(file):
    """A DuckDB file with tables that are not ours is refused, and neither renamed nor changed."""
    file.parent.mkdir()
    with duckdb.connect(str(file)) as raw:
        raw.execute("CREATE TABLE accounts AS SELECT 1 AS id")
    before = file.read_bytes()

    with pytest.raises(StoreError, match="'accounts'"):
        Store(file)

    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_file_that_is_no_database_by_name_is_not_touched(tmp_path):
    """A text file given by mistake is refused and stays."""
    notes = tmp_path / "notes.txt"
    notes.write_text("remember the milk")

    with pytest.raises(StoreError, match="not a DuckDB database"):
        Store(notes)

    assert notes.read_text() == "remember the milk"


def test_empty_file_is_taken(tmp_path):
    """An empty file, as a temporary-file function makes it, becomes the database."""
    path = tmp_path / "empty"
    path.touch()
    store = Store(path)
    assert (store.counts().spans, store.notices) == (0, [])
    store.close()


def test_folder_is_refused(tmp_path):
    """A folder given as the file is said to be one."""
    with pytest.raises(StoreError, match="is a folder"):
        Store(tmp_path)


def test_place_that_cannot_be_made(tmp_path):
    """Where the folder cannot be made the reason is said."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Store(tmp_path / "file" / "sub" / "x.duckdb")


def test_clear_empties_the_store(file, make):
    """With clear=True nothing of before is left, and the same spans can be stored again."""
    store = Store(file)
    _put(store, make)
    store.close()

    store = Store(file, clear=True)
    assert store.counts().spans == 0
    assert store.services() == []
    _put(store, make)
    assert store.counts().spans == 1
    store.close()


def test_queries_cannot_reach_other_files(file, tmp_path):
    """The connection is closed to the file system: no query can read or write there."""
    store = Store(file)
    cursor = store._database.connection.cursor()
    for query in (
        f"COPY (SELECT 1) TO '{tmp_path / 'x'}'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            cursor.execute(query)
    store.close()


@posix
def test_default_place(monkeypatch):
    """The file lies in the folder for state: XDG_STATE_HOME, or ~/.local/state without it."""
    from vaquero_viewer import default_path

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert default_path() == Path("/somewhere/vaquero/viewer.duckdb")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_path() == Path.home() / ".local/state/vaquero/viewer.duckdb"


def test_damage_found_late_is_said_in_one_line(file, monkeypatch):
    """A damaged part that is read only after opening refuses the file, with name and reason."""
    Store(file).close()
    damage = "Corrupt database file: checksum\nmore"

    def fail(_inserter) -> None:
        raise duckdb.Error(damage)

    monkeypatch.setattr(Inserter, "reload", fail)
    with pytest.raises(StoreError) as caught:
        Store(file)
    monkeypatch.undo()

    text = str(caught.value)
    for part in (str(file), "Corrupt database file: checksum", "--path"):
        assert part in text
    assert "\n" not in text
    Store(file).close()
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
