"""A migration that is killed leaves a file that is whole: of the old version, or of the new one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import duckdb
import pytest
from vaquero_viewer import Store
from vaquero_viewer.store import migrations

from viewer.tests.store.content import checksums, columns_of

_KILLED = """
import os, signal, sys
from pathlib import Path
import duckdb
from vaquero_viewer.store import migrations
from vaquero_viewer import Store

class Connection:
    def __init__(self, real, left):
        self._real, self._left = real, left
    def execute(self, *given):
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
        return self._real.execute(*given)

migrate = migrations.migrate
print("begins", flush=True)
migrations.migrate = lambda real, *rest: migrate(Connection(real, int(sys.argv[2])), *rest)
Store(Path(sys.argv[1])).close()
print("done", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("statement", [1, 6, 12, 18, 24, 28, 33, 35, 36, 37])
def test_kill_at_any_statement(old_file, rows, statement):
    """Killed before its n-th statement, the file is whole: of version 1, or of this version."""
    columns = columns_of(rows, old_file)
    before = checksums(rows, old_file, columns)

    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(old_file), str(statement)],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == (-signal.SIGKILL if statement < 37 else 0), done.stderr

    _is_whole(rows, old_file, columns, before)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.04, 0.06, 0.08, 0.12])
def test_kill_at_any_moment(old_file, rows, after_s):
    """Killed in the middle of a statement, the file is whole too."""
    columns = columns_of(rows, old_file)
    before = checksums(rows, old_file, columns)
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(old_file), "-1"], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begins\n"
        time.sleep(after_s)
        child.kill()

    _is_whole(rows, old_file, columns, before)


def _is_whole(rows, old_file, columns, before) -> None:
    ((version,),) = rows(old_file, "SELECT value FROM vaquero_meta WHERE key = 'version'")
    assert version in ("1", "2")
    assert checksums(rows, old_file, columns) == before
    store = Store(old_file)
    try:
        assert (store.notices != []) == (version == "1")
        assert sum(row.calls for row in store.rollups()) == store.counts().spans == 120
    finally:
        store.close()
    assert checksums(rows, old_file, columns) == before
    assert [entry.name for entry in old_file.parent.iterdir()] == [old_file.name]


def test_kill_reaches_both_versions(old_file, rows):
    """The statements of the test above reach from the first to behind the commit."""
    counted = []

    class Connection:
        def __init__(self, real: duckdb.DuckDBPyConnection) -> None:
            self._real = real

        def execute(self, *given):
            counted.append(given[0].split()[0])
            return self._real.execute(*given)

    with duckdb.connect() as real:
        real.execute(f"ATTACH '{old_file}' AS store")
        migrations.migrate(Connection(real), 1, "x")  # type: ignore[arg-type]
    assert (counted.index("COMMIT"), len(counted)) == (35, 37)
