"""Receives OpenTelemetry data on this machine, keeps it in DuckDB and shows it on one page.

Names are loaded when they are first used: a program that only lists the verbs of its command line
does not pay for a database and a web server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaquero_viewer._version import __version__

if TYPE_CHECKING:
    from vaquero_viewer.errors import PortTaken, StoreError, StoreLocked, ViewerError
    from vaquero_viewer.paths import default_path
    from vaquero_viewer.server import Viewer
    from vaquero_viewer.store import Store

_HOMES = {
    "PortTaken": "vaquero_viewer.errors",
    "Store": "vaquero_viewer.store",
    "StoreError": "vaquero_viewer.errors",
    "StoreLocked": "vaquero_viewer.errors",
    "Viewer": "vaquero_viewer.server",
    "ViewerError": "vaquero_viewer.errors",
    "default_path": "vaquero_viewer.paths",
}

__all__ = [
    "PortTaken",
    "Store",
    "StoreError",
    "StoreLocked",
    "Viewer",
    "ViewerError",
    "__version__",
    "default_path",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
