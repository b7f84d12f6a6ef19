"""Locks on the folder of a process: held while it lives, whatever ends it.

``flock`` belongs to the open file, which a forked child shares: the child closes its copies, and
that does not unlock the parent's.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from vaquero.pipeline.spool import folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK_NAME = "lock"

#: Whether folders can be locked here; where not, nothing is spooled.
SUPPORTED = fcntl is not None and folder.SUPPORTED

_held: set[int] = set()
_fork_lock = threading.Lock()


def acquire(parent: int, *, create: bool) -> int | None:
    """Lock the folder; the descriptor that holds the lock, or None where somebody else has it.

    Args:
        parent: The folder, open.
        create: Make the lock file; it must not exist.

    Raises:
        OSError: There is no lock file, or it cannot be made.
    """
    if fcntl is None:
        return None
    # A fork between opening and noting would give the child a hold that nobody knows of.
    with _fork_lock:
        if create:
            handle = folder.create_file(parent, LOCK_NAME)
        else:
            handle = folder.open_file(parent, LOCK_NAME, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        if not _is_current(parent, handle):
            os.close(handle)
            return None
        _held.add(handle)
        return handle


def _is_current(parent: int, handle: int) -> bool:
    """Whether the locked file still has its name: else the folder was emptied meanwhile."""
    try:
        named = os.stat(LOCK_NAME, dir_fd=parent, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(named, os.fstat(handle))


def release(handle: int) -> None:
    """Give the lock up."""
    _held.discard(handle)
    with suppress(OSError):
        os.close(handle)


def _before_fork() -> None:
    # Bounded: a fork must not hang, and the lock is never held for long.
    _fork_lock.acquire(timeout=0.5)


def _after_in_parent() -> None:
    with suppress(RuntimeError):
        _fork_lock.release()


def _after_in_child() -> None:
    global _fork_lock
    _fork_lock = threading.Lock()
    for handle in _held:
        with suppress(OSError):
            os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_in_parent,
        after_in_child=_after_in_child,
    )
