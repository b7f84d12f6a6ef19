"""The SDK in use in this process, how the first call starts one, and the locks around that.

The package (``vaquero/__init__.py``) installs the starter, so that the first call in ``tracing``
can start the SDK without importing upward.
"""

from __future__ import annotations

import os
import threading
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: The SDK in use, an object of ``vaquero.sdk``; None before the first call and after shutdown.
sdk: Any = None

#: Makes the default SDK; installed by the package.
starter: Callable[[], Any] | None = None

#: Held while an SDK is started or exchanged, and while one of our lazy names is loaded. A fork
#: waits for both.
lock = threading.RLock()
loading = threading.RLock()
_held: dict[int, list[Any]] = {}

_starting = False
_closed = False


def ensure_started() -> Any:
    """The SDK in use; the first call starts the default one. None where that is not possible.

    After ``shutdown`` a first call does not start a new one: only ``init`` does.
    """
    global _starting
    if sdk is not None or starter is None or _closed:
        return sdk
    with lock:
        # The starter itself may reach code that calls here (an instrumented library).
        if sdk is not None or _starting or _closed:
            return sdk
        _starting = True
        try:
            return starter()
        finally:
            _starting = False


def set_sdk(new: Any) -> Any:
    """Make this the SDK in use and give back the one before.

    None marks an explicit shutdown: from then on no first call starts a default SDK.
    """
    global sdk, _closed
    with lock:
        before, sdk = sdk, new
        _closed = new is None
        return before


_instance: tuple[int, str] = (0, "")


def instance_id() -> str:
    """``service.instance.id`` of this process: one for all signals, another in a forked child."""
    global _instance
    pid = os.getpid()
    if _instance[0] != pid:
        _instance = (pid, str(uuid.uuid4()))
    return _instance[1]


#: The span that each exception left first: trace id, span id and flags by the exception's ``id()``.
#: Exceptions cannot be held weakly and must not be changed: only the newest few are known.
_failed_spans: dict[int, tuple[int, int, int]] = {}
_MAX_FAILED_SPANS = 64


def remember_span_of(error: BaseException, ids: tuple[int, int, int]) -> None:
    """Remember which span an exception left first, for the report if nobody catches it.

    Args:
        error: What was raised.
        ids: Trace id, span id and flags of the span.
    """
    known = _failed_spans.get(id(error))
    if known is not None and known[0] == ids[0]:
        return  # It goes on through the spans around; the innermost is the one that failed.
    if len(_failed_spans) >= _MAX_FAILED_SPANS:
        _failed_spans.clear()
    _failed_spans[id(error)] = ids


def take_span_of(error: BaseException) -> tuple[int, int, int] | None:
    """Trace id, span id and flags of the span that this exception left first; None for none."""
    return _failed_spans.pop(id(error), None)


def reset() -> None:
    """As in a new process: the next call may start a default SDK. For tests, and a failed start."""
    global sdk, _closed
    with lock:
        sdk = None
        _closed = False


def _in_child() -> None:
    global lock, loading, _starting
    lock, loading = threading.RLock(), threading.RLock()
    _held.clear()
    _starting = False


def _before_fork() -> None:
    """Let other threads finish a start, and the loading of our modules.

    The lock of a module that is being loaded at the fork stays held in the child for ever, and the
    child's own first call would wait for it. Nothing of ours takes that long; a fork is made all
    the same where something does.
    """
    _held[threading.get_ident()] = [one for one in (lock, loading) if one.acquire(timeout=5.0)]


def _in_parent() -> None:
    for one in _held.pop(threading.get_ident(), ()):
        one.release()


# Before the hooks of ``_process``, which is imported later: they may need the locks.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
