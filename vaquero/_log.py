"""Log lines of vaquero: one per kind of fault per minute, with a count of those left out.

Everything goes to the logger ``vaquero`` and its children, so that an application can silence or
route it. A process logs at most :data:`MAX_LINES` warnings in its life.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

logger = logging.getLogger("vaquero")

INTERVAL_S = 60.0
MAX_LINES = 18

_lock = threading.Lock()
_last: dict[str, tuple[float, int]] = {}
_lines = 0


def warn(kind: str, message: str, *args: Any) -> None:
    """Log a warning of this kind, at most once a minute; never raises.

    Args:
        kind: What is counted as the same fault, such as ``spool:full``.
        message: A ``%`` format; must hold no secret and no unbounded text.
        *args: What the format asks for.
    """
    admitted, skipped = _admit(kind)
    if not admitted:
        return
    if skipped:
        message, args = f"{message} (%d more of this kind in between)", (*args, skipped)
    try:
        logger.warning(message, *args)
    except Exception:
        return  # A broken handler of the application is not ours to report.


def info(message: str, *args: Any) -> None:
    """Log what is worth knowing but no fault, at level INFO; never raises."""
    try:
        logger.info(message, *args)
    except Exception:
        return


def _admit(kind: str) -> tuple[bool, int]:
    global _lines
    now = time.monotonic()
    # A fork while another thread holds the lock would leave it held: never wait for long here.
    if not _lock.acquire(timeout=0.05):
        return False, 0
    try:
        at, skipped = _last.get(kind, (None, 0))
        if (at is not None and now - at < INTERVAL_S) or _lines >= MAX_LINES:
            if len(_last) < 1000:
                _last[kind] = (at if at is not None else now, skipped + 1)
            return False, 0
        _last[kind] = (now, 0)
        _lines += 1
        return True, skipped
    finally:
        _lock.release()


def reset() -> None:
    """Forget what was logged: for a forked child, and for tests."""
    global _lock, _lines
    _lock = threading.Lock()
    _last.clear()
    _lines = 0
