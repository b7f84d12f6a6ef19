"""What fails inside vaquero is logged, and never reaches the application."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from vaquero import _log

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

#: Tests set this: our own faults are raised instead of logged.
strict = False


def quiet(fallback: R) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function of vaquero safe to call from an application.

    ``Exception`` is caught and logged on the ``vaquero`` logger, at most once a minute, and
    ``fallback`` is returned. ``KeyboardInterrupt``, ``SystemExit`` and ``GeneratorExit`` belong to
    the application and pass. Not for functions that run code of the application: its exceptions
    must pass.

    Args:
        fallback: What the caller gets when our code failed.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                report(error, function.__qualname__)
                return fallback

        return guarded

    return decorate


def report(error: BaseException, where: str) -> None:
    """Log that our own code failed at ``where``; with :data:`strict`, raise the error again."""
    if strict:
        raise error
    _log.warn(
        f"internal:{where}",
        "vaquero itself failed in %s (%s); the application is not affected.",
        where,
        describe(error),
    )


def call_safely(hook: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call a hook that hangs on our spans; what it raises does not reach the application."""
    try:
        hook(*args, **kwargs)
    except Exception as error:
        report_hook(error, hook)


def report_hook(error: Exception, hook: Any) -> None:
    """Log that a hook on our spans has failed, and whose it is; ours are reported as faults."""
    module = str(getattr(hook, "__module__", ""))
    name = f"{module}.{getattr(hook, '__qualname__', type(hook).__name__)}"
    if module.partition(".")[0] == "vaquero":
        report(error, name)
    else:
        _log.warn(
            f"hook:{name}", "%s failed (%s); the span goes on without it.", name, describe(error)
        )


def describe(error: BaseException) -> str:
    """The error's class and text, for a log line; survives errors that cannot be printed."""
    try:
        text = str(error)
    except BaseException:
        text = "its text cannot be printed"
    return f"{type(error).__name__}: {text}"[:300]
