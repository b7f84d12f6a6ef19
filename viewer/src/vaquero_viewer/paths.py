"""The store's default place."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def default_path() -> Path:
    """The database file in the folder for this user's state.

    ``$XDG_STATE_HOME`` (``~/.local/state``) on Linux, ``~/Library/Application Support`` on macOS,
    ``%LOCALAPPDATA%`` on Windows; in it ``vaquero/viewer.duckdb``.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME", "")
        # The XDG specification: a relative path is to be ignored.
        if not os.path.isabs(base):
            base = str(Path.home() / ".local" / "state")
    return Path(base) / "vaquero" / "viewer.duckdb"
