"""Becomes the Collector, and asks Linux to end it should the process that started it die.

Run as a script by `process.py`, because the request has to be made in the child and a function
run between fork and exec is not safe in a program with threads. Arguments: the parent's process
id, then the program and its arguments. Nothing of this package is imported.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, make sure the parent still lives, become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it died before it could be watched
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
