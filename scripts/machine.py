"""What this machine has of that which the tests need, and what follows from it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator

from tests.support.prerequisites import PREREQUISITES
from tests.support.programs import PROGRAMS, find

OTHER_PYTHONS = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")


def other_pythons() -> Iterator[tuple[str, str | None]]:
    """Name and path of each Python beside this one; None where it is not installed."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in OTHER_PYTHONS:
        if name != own:
            path = shutil.which(name)
            yield name, path if path and _works(path) else None


def lines() -> Iterator[str]:
    """A line for each thing that a test may need: where it is, or what happens without it."""
    yield f"  {'Python':26} {platform.python_version()}: {sys.executable}"
    for name, python in other_pythons():
        yield f"  {name:26} {python or 'not found: the unit tests are not run on it'}"
    for title, program in PROGRAMS.items():
        path = find(title)
        fails = os.environ.get("CI") and not program.optional
        missing = "its tests fail" if fails else "its tests are skipped"
        yield f"  {title:26} {path or f'not found ({program.package}): {missing}'}"
    for name, wanted in PREREQUISITES.items():
        path = wanted.path()
        with_what = f" with {_go()}" if name == "binary" else ""
        yield f"  {wanted.what:26} {path or f'will be made{with_what}: {wanted.takes}'}"


def _go() -> str:
    from vaquero_collector import building

    go = building.find_go()
    return f"Go {go.version[0]}.{go.version[1]}, {go.program}" if go else building.GO_REQUIREMENT


def _works(path: str) -> bool:
    # A shim of a version manager is on PATH even where the version behind it is not installed.
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
