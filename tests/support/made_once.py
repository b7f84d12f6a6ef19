"""Folders that are made once for a checkout and kept for the next run of the tests."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class CannotBeMade(Exception):
    """A download or a build failed; the text says which."""


class Folder:
    """A folder whose content follows from what it is made of.

    Args:
        name: What is in it.
        inputs: All that decides what it holds, apart from the checkout and the Python.
        fill: Puts the content into it.
    """

    def __init__(self, name: str, inputs: Iterable[bytes], fill: Callable[[Path], None]) -> None:
        self._name = name
        self._inputs = inputs
        self._fill = fill

    def path(self) -> Path | None:
        """Where it is; None where it is yet to be made."""
        path = self._path()
        return path if (path / "complete").exists() else None

    def make(self) -> Path:
        """Make it unless it is there; one process at a time, the others wait.

        Raises:
            CannotBeMade: a command failed.
        """
        path = self._path()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent / f"{self._of_checkout()}.lock"):
            if not (path / "complete").exists():
                # What the checkout was before is of no use any more.
                for old in path.parent.glob(f"{self._of_checkout()}-*"):
                    shutil.rmtree(old, ignore_errors=True)
                path.mkdir()
                self._fill(path)
                (path / "complete").touch()
        return path

    def _path(self) -> Path:
        digest = hashlib.sha256()
        for one in self._inputs:
            digest.update(one)
        folder = Path(tempfile.gettempdir()) / f"vaquero-tests-{_user()}"
        return folder / f"{self._of_checkout()}-{digest.hexdigest()[:12]}"

    def _of_checkout(self) -> str:
        return f"{self._name}-{hashlib.sha256(f'{ROOT} {sys.version}'.encode()).hexdigest()[:12]}"


def call(words: list[str], cwd: Path = ROOT, **more: str) -> None:
    """Run a command of a build, with all that it says on stderr.

    Raises:
        CannotBeMade: its exit code is not 0.
    """
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = subprocess.run(
        words, cwd=cwd, env=own | more, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False
    ).returncode
    if code != 0:
        raise CannotBeMade(f"exit code {code} of {' '.join(words)}")


def _user() -> int:
    return os.getuid() if sys.platform != "win32" else 0


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    import fcntl  # what needs such a folder is not tested on Windows

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
