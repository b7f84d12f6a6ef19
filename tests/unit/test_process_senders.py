"""What waits to be sent when the interpreter exits."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from vaquero import _process

class Part:
    def __init__(self, name):
        self.name = name
    def leave(self):
        print(self.name, _process.exiting())

kept, gone = Part("kept"), Part("gone")
for part in (kept, kept, gone):
    _process.send_at_exit(part.leave)
del part, gone
gc.collect()
print("end", _process.exiting())
"""


def test_a_sender_is_called_once_while_it_lives() -> None:
    """A method registered twice is called once at the exit, is not kept alive, prints nothing."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["end False", "kept True"]
    assert done.stderr == ""
