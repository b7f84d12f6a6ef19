"""The end of a process, as the pipeline sees it: no signal handlers, only what Python offers.

A death that runs no hooks (``kill -9``, ``os._exit``, SIGTERM without a handler) loses at most what
the writer had not yet moved to the spool: its interval of 50 ms.
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from typing import Any, Protocol

from vaquero import _runtime


class Leaving(Protocol):
    """What has something to do when the process exits."""

    def leave(self) -> object:
        """The process exits."""
        ...


_leaving: weakref.WeakSet[Leaving] = weakref.WeakSet()
_exiting = False
_registered = False


def exiting() -> bool:
    """Whether the interpreter is on its way out."""
    return _exiting


def watch(one: Leaving) -> None:
    """Let it leave when the process exits: once, however often it is watched. Held weakly."""
    global _registered
    _leaving.add(one)
    if not _registered:
        _registered = True
        atexit.register(_leave)
        _runtime.after_fork_in_child(_in_child)
        try:
            # Runs before all atexit hooks, so that each of them finds us knowing.
            register: Any = threading._register_atexit  # type: ignore[attr-defined]
            register(_note_exit)
        except (AttributeError, RuntimeError):
            return
    _watch_multiprocessing()


def _watch_multiprocessing() -> None:
    """Children of multiprocessing leave through its finalizers and never reach atexit."""
    process: Any = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        # A low priority runs late, after what the application may have to finish.
        util.Finalize(None, _leave, exitpriority=-100)


def _note_exit() -> None:
    global _exiting
    _exiting = True


def _leave() -> None:
    _note_exit()
    for one in list(_leaving):
        one.leave()


def _in_child() -> None:
    global _exiting
    _exiting = False
