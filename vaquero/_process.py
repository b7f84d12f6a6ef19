"""The end of a process and its forks: what of vaquero runs then, in which order, how long.

No signal handlers, only what Python offers. A program and a child of ``os.fork`` leave through
``atexit``: the hook that was registered last runs first, ours and the application's. A child that
:mod:`multiprocessing` or its fork server forked leaves through that package's finalizers: there the
hooks run by their :class:`Stage`. It runs no hook of ``atexit``, or, from Python 3.13 on, those
that it registered itself. A spawned child leaves as a program does.

A death that runs no hooks (``kill -9``, ``os._exit``, SIGTERM without a handler) loses at most what
the pipeline's writer had not yet moved to the spool: its interval of 50 ms.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from vaquero import _log

if TYPE_CHECKING:
    from collections.abc import Callable

#: What sending may cost the exit of a process, in seconds; the rest is in the spool by then.
EXIT_BUDGET_S = 1.5


class Stage(IntEnum):
    """When a hook runs in a child of multiprocessing: the highest number first.

    Finalizers of 0 and above run before the child waits for children of its own, those below
    after it. Hooks of one stage run as those of ``atexit`` do, the last registered first.
    """

    #: Gauges and counters are collected a last time, and sent.
    LAST_COLLECTION = 100
    #: What the console has not printed yet.
    CONSOLE = 90
    #: ``vaquero run`` says what became of the spans, or adds this process's counts.
    EXIT_LINE = 50
    #: What ended since: late, after all that the application may have to finish.
    SEND = -100


class _ExitHook:
    """What runs once at the exit of a process, by whichever way the process gets there."""

    __slots__ = ("_ran_in", "hook", "stage")

    def __init__(self, stage: Stage, hook: Callable[[], object]) -> None:
        self.stage = stage
        self.hook = hook
        self._ran_in = 0

    def run(self) -> None:
        pid = os.getpid()
        if self._ran_in != pid:
            self._ran_in = pid
            self.hook()


_at_exit: list[_ExitHook] = []
_senders: list[weakref.WeakMethod[Callable[[], object]]] = []
_sends = False
_exiting = False

#: Whether this process was forked since vaquero is loaded.
_forked = False

#: Whether multiprocessing calls us at the beginning of each child. A forked one inherits that.
_called_by_multiprocessing = False


def exiting() -> bool:
    """Whether the interpreter is on its way out; known once something waits to be sent."""
    return _exiting


# ---------------------------------------------------------------------- exit


def at_exit(stage: Stage, hook: Callable[[], object]) -> None:
    """Run ``hook`` when this process exits, or a child that it forks.

    Args:
        stage: Its place among ours in a child of multiprocessing.
        hook: Held until the exit, or until :func:`not_at_exit`.
    """
    entry = _ExitHook(stage, hook)
    _at_exit.append(entry)
    atexit.register(entry.run)
    _follow_multiprocessing()
    if _leaves_by_finalizers():
        _finalize(stage, entry.run)


def not_at_exit(hook: Callable[[], object]) -> None:
    """Run ``hook`` no longer: undoes :func:`at_exit`."""
    for entry in [entry for entry in _at_exit if entry.hook == hook]:
        _at_exit.remove(entry)
        atexit.unregister(entry.run)


def send_at_exit(send: Callable[[], object]) -> None:
    """Run ``send`` at the exit in stage :attr:`Stage.SEND`; for each process that has to send.

    Args:
        send: A bound method; held weakly.
    """
    global _sends
    # In place: two threads may come here at once, and neither may lose what the other adds.
    for gone in [one for one in _senders if one() is None]:
        with suppress(ValueError):
            _senders.remove(gone)
    if not any(one() == send for one in _senders.copy()):
        _senders.append(weakref.WeakMethod(send))
    if not _sends:
        _sends = True
        atexit.register(_send)
        try:
            # Runs before all atexit hooks, so that each of them finds us knowing.
            register: Any = threading._register_atexit  # type: ignore[attr-defined]
            register(_note_exit)
        except (AttributeError, RuntimeError):
            return
    if _is_child_of_multiprocessing():
        _finalize(Stage.SEND, _send)


def _note_exit() -> None:
    global _exiting
    _exiting = True


def _send() -> None:
    _note_exit()
    for reference in _senders.copy():
        send = reference()
        if send is not None:
            send()


def _is_child_of_multiprocessing() -> bool:
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _leaves_by_finalizers() -> bool:
    # A spawned child has an interpreter of its own, which ends as a program's does.
    is_spawned = "--multiprocessing-fork" in sys.orig_argv and not _forked
    return _is_child_of_multiprocessing() and not is_spawned


def _follow_multiprocessing() -> None:
    """Let a child of multiprocessing run the hooks: it forgets all finalizers when it begins."""
    global _called_by_multiprocessing
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None and not _called_by_multiprocessing:
        _called_by_multiprocessing = True
        util.register_after_fork(_finalize_all, _call)


def _call(function: Callable[[], None]) -> None:
    function()


def _finalize_all() -> None:
    if not _leaves_by_finalizers():
        return
    for entry in _at_exit:
        _finalize(entry.stage, entry.run)
    if _sends and not _forked:  # What waits in a forked child's parent is sent by the parent.
        _finalize(Stage.SEND, _send)


def _finalize(stage: Stage, function: Callable[[], object]) -> None:
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, function, exitpriority=int(stage))


# ---------------------------------------------------------------------- fork

_fork_hooks: list[Callable[[], Callable[[], None] | None]] = []


def after_fork_in_child(hook: Callable[[], None]) -> None:
    """Run ``hook`` in every forked child, in the order of registration.

    Bound methods are held weakly: a dead object's hook is dropped. A hook that raises is reported
    and does not stop the next. Where there is no ``fork`` this does nothing.
    """
    reference: Callable[[], Callable[[], None] | None]
    if hasattr(hook, "__self__"):
        reference = weakref.WeakMethod(hook)  # type: ignore[arg-type]
    else:
        reference = _always(hook)
    _fork_hooks.append(reference)


def _always(hook: Callable[[], None]) -> Callable[[], Callable[[], None] | None]:
    return lambda: hook


def _in_child() -> None:
    global _exiting, _forked
    _exiting, _forked = False, True
    _log.reset()
    for reference in list(_fork_hooks):
        hook = reference()
        if hook is None:
            _fork_hooks.remove(reference)
            continue
        try:
            hook()
        except Exception as error:
            _log.warn("fork", "vaquero could not prepare the forked child: %r", error)
    _follow_multiprocessing()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
