"""Settings that other packages have: rows of the entry point group ``vaquero.settings``.

A package lists its rows in a tuple. They are read from arguments of its own and from the
environment, never from a project file, and judged by the package itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

from vaquero import _log

GROUP = "vaquero.settings"


def rows() -> Iterator[tuple[str, Any]]:
    """Every row of every package, with the name of the entry point that lists it."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            for row in point.load():
                yield point.name, row
        except Exception as error:  # A package is somebody else's code.
            _log.warn(
                f"settings:{point.name}", "settings of %r are left out: %r", point.name, error
            )
