"""Carrying the context into threads, timers and pools, where Python leaves it behind.

A span that is current when a thread is started, or when work is handed to a pool, is the parent of
the spans made there. Only OpenTelemetry's context goes along, no other context variable. Threads
that serve a pool begin without one: each piece of work brings its own.
"""

from __future__ import annotations

import concurrent.futures.thread as pools
import functools
import threading
from typing import TYPE_CHECKING, Any

from vaquero import _patch
from vaquero._context import attach, detach_quietly, get_current

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

#: Threads of telemetry itself begin without a context: what they do belongs to no span.
_OWN = ("vaquero", "Otel")

_carrying = False


def carry() -> Callable[[], None]:
    """Begin to carry the context; does nothing where that is already so.

    Returns:
        A call that ends it.
    """
    global _carrying
    if _carrying:
        return _nothing
    start, submit = threading.Thread.start, pools.ThreadPoolExecutor.submit

    @functools.wraps(start)
    def start_with_context(thread: threading.Thread) -> None:
        context = get_current()
        if context and _takes_context(thread):
            thread.run = functools.partial(_run, thread, context, thread.run)
        start(thread)

    @functools.wraps(submit)
    def submit_with_context(
        pool: pools.ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        context = get_current()
        if context:
            return submit(pool, functools.partial(_call, context, fn), *args, **kwargs)
        return submit(pool, fn, *args, **kwargs)

    restores = (
        _patch.replace(threading.Thread, "start", start_with_context),
        _patch.replace(pools.ThreadPoolExecutor, "submit", submit_with_context),
    )
    _carrying = True

    def stop() -> None:
        global _carrying
        for restore in restores:
            restore()
        _carrying = False

    return stop


def _takes_context(thread: threading.Thread) -> bool:
    target = getattr(thread, "_target", None)
    return getattr(target, "__module__", None) != pools.__name__ and not thread.name.startswith(
        _OWN
    )


def _run(thread: threading.Thread, context: Context, run: Callable[[], None]) -> None:
    # Without this the thread would hold itself through its own attribute.
    thread.__dict__.pop("run", None)
    _call(context, run)


def _call(context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = attach(context)
    try:
        return function(*args, **kwargs)
    finally:
        detach_quietly(token)


def _nothing() -> None:
    return None
