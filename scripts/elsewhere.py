"""Unit tests in another environment: ``python scripts/elsewhere.py PROFILE PYTHON``.

PROFILE is one of ``scripts/bootstrap.py``: ``floor`` for the oldest SDK, ``unit`` for another
Python. A few tests that fail side by side are run once more, alone, as in ``scripts/suite.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from suite import MAX_REPEATED, ROOT, Step, failures

FOLDERS = ("tests/unit", "instrumentations", "conditions/tests")


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
    cache = Path(".pytest_cache") / f"{profile}-{Path(python).name}"
    own = ("-o", f"cache_dir={cache}", "-m", "not packaging and not browser")
    command = (interpreter, "-m", "pytest", "-q", *own)
    side_by_side = ("-n", "2", "--dist", "loadfile", "--cache-clear", *FOLDERS)
    code = _run(*command, *side_by_side)
    noted = failures(Step("", command, cache)) if code == 1 else []
    if 0 < len(noted) <= MAX_REPEATED:
        print(f"\n=== {len(noted)} once more, alone", flush=True)
        return _run(*command, *noted)
    return code


def _run(*command: str) -> int:
    environ = {**os.environ, "VAQUERO_TESTS_PARTIAL": "1"}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
