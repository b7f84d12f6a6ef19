"""What tests need that is downloaded or built: made before the tests, in the time of none of them.

``python -m tests.support.prerequisites [NAME ...]`` makes all, or those named, unless they are
there. ``scripts/suite.py`` does so in steps of its own. Where a part of the tests is started by
itself, the plug-in ``tests.support.fixtures`` does it between collecting and the first test.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import collector_binary, distributions, environments
from tests.support.made_once import CannotBeMade


@dataclass(frozen=True)
class Prerequisite:
    """Something that takes a download or a build.

    Attributes:
        what: What it is.
        takes: How long it may take where nothing is in a cache.
        path: Where it is; None where it is yet to be made.
        make: Makes it unless it is there, with its progress on stderr.
    """

    what: str
    takes: str
    path: Callable[[], Path | None]
    make: Callable[[], Path]


#: By the name of the fixture that gives its path.
PREREQUISITES = {
    "binary": Prerequisite(
        "Collector",
        "two to thirty minutes",
        collector_binary.path,
        collector_binary.make,
    ),
    "environment_with_vaquero": Prerequisite(
        "applications with vaquero",
        "one to five minutes",
        environments.WITH_VAQUERO.path,
        environments.WITH_VAQUERO.make,
    ),
    "environment_with_upstream": Prerequisite(
        "applications with upstream",
        "one to five minutes",
        environments.WITH_UPSTREAM.path,
        environments.WITH_UPSTREAM.make,
    ),
    "wheels": Prerequisite(
        "wheels of the packages",
        "one to five minutes",
        distributions.WHEELS.path,
        distributions.WHEELS.make,
    ),
    "old_pip": Prerequisite(
        "old pip, downloads",
        "one to five minutes",
        distributions.OLD_PIP.path,
        distributions.OLD_PIP.make,
    ),
}


def make(name: str) -> Path:
    """Make one unless it is there, and say on stderr what is done and how long it took.

    Raises:
        CannotBeMade: the download or the build failed.
    """
    wanted = PREREQUISITES[name]
    if (path := wanted.path()) is not None:
        return path
    print(f"making {wanted.what} ({wanted.takes})", file=sys.stderr, flush=True)
    begun = time.monotonic()
    path = wanted.make()
    took_s = time.monotonic() - begun
    print(f"made {wanted.what} in {took_s:.0f} s: {path}", file=sys.stderr, flush=True)
    return path


def main(names: list[str]) -> int:
    """Make what is named, or all; the exit code is 1 where something cannot be made."""
    code = 0
    for name in names or PREREQUISITES:
        try:
            print(f"{PREREQUISITES[name].what}: {make(name)}")
        except CannotBeMade as error:
            print(f"{PREREQUISITES[name].what}: {error}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
