"""What the pipeline does when the interpreter exits."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from vaquero.pipeline import exit

class Part:
    def __init__(self, name):
        self.name = name
    def leave(self):
        print(self.name, exit.exiting())

kept, gone = Part("kept"), Part("gone")
for part in (kept, kept, gone):
    exit.watch(part)
del part, gone
gc.collect()
print("end", exit.exiting())
"""


def test_what_is_watched_is_called_once_while_it_lives() -> None:
    """An object watched twice leaves once at the exit, is not kept alive, and prints nothing."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["end False", "kept True"]
    assert done.stderr == ""
