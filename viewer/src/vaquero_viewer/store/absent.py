"""Pandas where it is not installed: DuckDB before 2.0 looks for it again with each value.

Each value that is given to a query is asked whether it is something of pandas, and where pandas
is not there Python searches all its folders each time: 150 µs a value, sixty times what the rest
of an insertion takes. While a store is open, Python is told that there is no such module.
"""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec
from typing import Any, cast

import duckdb

_NAME = "pandas"
_modules = cast("dict[str, Any]", sys.modules)
_lock = threading.Lock()
_open = 0


def store_opened() -> None:
    """Have the absence of pandas remembered; does nothing where it is installed."""
    global _open
    with _lock:
        _open += 1
        if _searches() and _NAME not in sys.modules and find_spec(_NAME) is None:
            # None in this place is how Python itself says "there is none".
            _modules[_NAME] = None


def store_closed() -> None:
    """Have it forgotten with the last store."""
    global _open
    with _lock:
        _open -= 1
        if not _open and _modules.get(_NAME, _open) is None:
            del _modules[_NAME]


def _searches() -> bool:
    return int(duckdb.__version__.split(".")[0]) < 2
