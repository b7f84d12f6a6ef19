"""The masking of statements is loaded with the first one, and a fork does not get in between."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FORKED = """
import os, signal, sys, threading, time
from importlib.machinery import PathFinder

class Slow:
    # The masking takes half a second to load.
    def find_spec(self, name, path=None, target=None):
        if name != "vaquero_conditions.sql.mask":
            return None
        spec = PathFinder.find_spec(name, path, target)
        execute = spec.loader.exec_module
        def exec_module(module):
            loading.set()
            time.sleep(0.5)
            execute(module)
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Slow())
loading = threading.Event()
from vaquero.redaction import sql
statement = "SELECT * FROM users WHERE name = 'bob'"
threading.Thread(target=lambda: sql.mask_sql(statement)).start()
loading.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    assert sql.mask_sql(statement) == "SELECT * FROM users WHERE name = ?"
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_beside_the_first_statement_leaves_the_child_able_to_mask() -> None:
    """A module lock that is held at a fork stays held in the child for good: the fork waits."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert done.stdout.strip() == "0", done.stderr
