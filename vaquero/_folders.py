"""The user's folder for state: what vaquero keeps longer than a process lives."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def state(environ: Mapping[str, str] | None = None) -> Path:
    """The folder for state of this user; not created here.

    ``XDG_STATE_HOME`` where it is set, ``LOCALAPPDATA`` on Windows, ``~/Library/Application
    Support`` on macOS, else ``~/.local/state``. A user without a home gets a folder of its own
    below the system's temporary one; whoever opens it checks that it is theirs.
    """
    environ = os.environ if environ is None else environ
    if environ.get("XDG_STATE_HOME", "").startswith("/"):
        return Path(environ["XDG_STATE_HOME"]) / "vaquero"
    if sys.platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "vaquero"
    home = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home) or not os.path.isdir(home):
        user = os.getuid() if hasattr(os, "getuid") else environ.get("USERNAME", "user")
        import tempfile  # It brings archives and compressors along.

        return Path(tempfile.gettempdir()) / f"vaquero-{user}"
    if sys.platform == "darwin":
        return Path(home) / "Library" / "Application Support" / "vaquero"
    return Path(home) / ".local" / "state" / "vaquero"
