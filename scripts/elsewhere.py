"""Unit tests in another environment: ``python scripts/elsewhere.py PROFILE PYTHON``.

PROFILE is one of ``scripts/bootstrap.py``: ``floor`` for the oldest SDK, ``unit`` for another
Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("tests/unit", "instrumentations")


def main(profile: str, python: str) -> int:
    """Make the environment and run the unit tests in it."""
    made = subprocess.run(
        [python, "scripts/bootstrap.py", profile, python],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    interpreter = made.stdout.strip().splitlines()[-1]
    command = [interpreter, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    return subprocess.run(
        [*command, "-m", "not packaging and not browser", *FOLDERS],
        cwd=ROOT,
        env={**os.environ, "VAQUERO_TESTS_PARTIAL": "1"},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
