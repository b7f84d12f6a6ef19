"""The end of a process, as the pipeline sees it: no signal handlers, only what Python offers.

A death that runs no hooks (``kill -9``, ``os._exit``, SIGTERM without a handler) loses at most what
the writer had not yet moved to the spool: its interval of 50 ms.
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from vaquero import _runtime

if TYPE_CHECKING:
    from collections.abc import Callable

#: What pipelines do when the process exits; held weakly, as a pipeline may end long before.
_at_exit: set[weakref.WeakMethod[Callable[[], object]]] = set()
_exiting = False
_registered = False


def exiting() -> bool:
    """Whether the interpreter is on its way out."""
    return _exiting


def watch(at_exit: Callable[[], object]) -> None:
    """Call this when the process exits, once however often it is given.

    Args:
        at_exit: A bound method. Its object is not kept alive.
    """
    global _registered
    _at_exit.add(weakref.WeakMethod(at_exit, _at_exit.discard))
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
    for held in list(_at_exit):
        at_exit = held()
        if at_exit is not None:
            at_exit()


def _in_child() -> None:
    global _exiting
    _exiting = False
