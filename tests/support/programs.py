"""Programs of the system that tests need, and where they are."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

#: Debian keeps PostgreSQL's programs off the path.
_DEBIAN = "/usr/lib/postgresql"


@dataclass(frozen=True)
class Program:
    """A program.

    Attributes:
        names: What its file may be called.
        package: Debian's package with it.
        optional: Whether CI does without it too.
    """

    names: tuple[str, ...]
    package: str
    optional: bool = False


PROGRAMS = {
    "chromium": Program(("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "postgres": Program(("postgres",), "postgresql"),
    "initdb": Program(("initdb",), "postgresql"),
    "redis-server": Program(("redis-server",), "redis-server"),
    "openssl": Program(("openssl",), "openssl"),
    "docker": Program(("docker",), "docker.io", optional=True),
}


def find(name: str) -> str | None:
    """The path of a program; None where it is not installed."""
    folders = [str(path) for path in sorted(Path(_DEBIAN).glob("*/bin"), reverse=True)]
    path = os.pathsep.join([os.environ.get("PATH", ""), *folders])
    paths = (shutil.which(one, path=path) for one in PROGRAMS[name].names)
    return next((path for path in paths if path is not None), None)


def need(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed (a failure under CI)."""
    found = find(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {PROGRAMS[name].package}")
    return found
