"""What the tests of packaging install: wheels of the checkout; an old pip, with downloads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.made_once import ROOT, Folder, call


def copy_tracked(folder: Path) -> Path:
    """Copy what git tracks, so that nothing untracked helps; returns the folder."""
    for name in _tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return folder


def _tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = listed.stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


class _Sources:
    """Every tracked file that can be in a wheel or decides how it is built."""

    def __iter__(self) -> Iterator[bytes]:
        for name in _tracked():
            if not name.startswith(("tests/", "docs/", "benchmarks/")):
                yield name.encode() + b"\0" + (ROOT / name).read_bytes()


class _Metadata:
    """What decides the requirements of the packages."""

    def __iter__(self) -> Iterator[bytes]:
        for name in _tracked():
            if name.endswith(("pyproject.toml", "hatch_build.py")):
                yield (ROOT / name).read_bytes()


def _fill_wheels(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        checkout = copy_tracked(Path(scratch) / "vaquero")
        words = [sys.executable, "scripts/dist.py", str(folder), "--wheels"]
        call([*words, "--without", "collector"], cwd=checkout)


def _fill_old_pip(folder: Path) -> None:
    python = str(folder / "bin" / "python")
    call([sys.executable, "-m", "venv", str(folder)])
    call([python, "-m", "pip", "install", "pip==23.0.1"])
    with tempfile.TemporaryDirectory() as scratch:
        checkout = copy_tracked(Path(scratch) / "vaquero")
        words = [python, "-m", "pip", "install", "--dry-run", ".[demo]"]
        call(words, cwd=checkout, **old_pip_environ(folder))


def old_pip_environ(folder: Path) -> dict[str, str]:
    """The variables by which that pip finds what it has downloaded before."""
    return {"PIP_CACHE_DIR": str(folder / "cache"), "PATH": os.environ.get("PATH", "")}


#: The wheels of all packages but the Collector, whose own tests build it.
WHEELS = Folder("wheels", _Sources(), _fill_wheels)

#: An environment with Debian 12's pip, which has all in its cache that ``.[demo]`` asks for.
OLD_PIP = Folder("old-pip", _Metadata(), _fill_old_pip)
