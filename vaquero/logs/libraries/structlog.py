"""structlog: events after the application's processors let them pass, with what is bound."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaquero import _guard, _patch

if TYPE_CHECKING:
    from vaquero.logs.libraries.feed import Feed

_LEVELS = {
    "debug": 10,
    "info": 20,
    "msg": 20,
    "log": 20,
    "warn": 30,
    "warning": 30,
    "error": 40,
    "err": 40,
    "failure": 40,
    "exception": 40,
    "critical": 50,
    "fatal": 50,
}
_NAMES = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


class StructlogBridge:
    """Sends what structlog logs to loggers that are not the standard library's.

    Args:
        feed: Where to.
        module: The library.
    """

    def __init__(self, feed: Feed, module: Any) -> None:
        self._feed = feed
        self._base: Any = module.BoundLoggerBase
        self._bound: Any = getattr(module, "contextvars", None)

    def install(self) -> None:
        """Begin."""
        before = self._base._process_event

        def process_event(bound: Any, method_name: str, event: Any, event_kw: Any) -> Any:
            result = before(bound, method_name, event, event_kw)
            self.take(bound, method_name, event, event_kw)
            return result

        self._restore = _patch.replace(self._base, "_process_event", process_event)

    def remove(self) -> None:
        """End."""
        self._restore()

    def take(self, bound: Any, method: str, event: Any, given: Mapping[str, Any]) -> None:
        """Send one event; a processor that drops it has raised before."""
        try:
            if isinstance(bound._logger, logging.Logger | logging.LoggerAdapter):
                return  # The standard library's bridge sends it.
            level = _LEVELS.get(method, 20)
            if level < self._feed.level:
                return
            extra: dict[str, Any] = dict(self._bound.get_contextvars()) if self._bound else {}
            extra.update(bound._context)
            extra.update(given)
            error = _error(extra.pop("exc_info", None), method)
            extra.pop("stack_info", None)
            name, place = caller("structlog")
            self._feed.send(
                name=str(extra.pop("logger", None) or name or "structlog"),
                level=level,
                level_name=_NAMES[level],
                body="" if event is None else event,
                extra=extra,
                place=place,
                error=error,
            )
        except Exception as failure:
            _guard.report(failure, "logs.structlog")


def _error(exc_info: Any, method: str) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        parts: tuple[Any, ...] = exc_info  # pyright: ignore[reportUnknownVariableType]
        return parts[1] if len(parts) == 3 else None
    return sys.exc_info()[1] if exc_info or method == "exception" else None


def caller(package: str) -> tuple[str, tuple[str, str, int]]:
    """Module name and place of the innermost frame outside a library and outside vaquero."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in (package, "vaquero"):
            break
        frame = frame.f_back
    code = frame.f_code
    return (
        str(frame.f_globals.get("__name__", "")),
        (code.co_filename, code.co_name, frame.f_lineno),
    )
