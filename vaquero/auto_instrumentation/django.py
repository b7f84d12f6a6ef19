"""Django's settings are the application's to name: its instrumentation waits for them.

Upstream's instrumentation configures empty settings where ``DJANGO_SETTINGS_MODULE`` is not set
when it starts, and a ``manage.py`` that names its settings itself then fails.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import wrapt
from vaquero_instrumentation_common.import_hooks import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "DJANGO_SETTINGS_MODULE"


def must_wait(name: str, environ: Mapping[str, str]) -> bool:
    """Whether this instrumentation has to wait until the application named its settings."""
    return name == "django" and not environ.get(VARIABLE)


def when_settings_are_known(instrument: Callable[[], None]) -> None:
    """Call something once, when Django has settings; never where Django is not used."""
    once = _Once(instrument)
    when_imported("django.conf", functools.partial(_watch, once=once))


class _Once:
    """Something to be done at the first call; the calls that it makes itself do not count."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def __call__(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()


def _watch(module: Any, *, once: _Once) -> None:
    if module.settings.configured:
        once()
        return

    def then(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        del instance
        result = wrapped(*args, **kwargs)
        once()
        return result

    for function in ("_setup", "configure"):
        wrapt.wrap_function_wrapper(module, f"LazySettings.{function}", then)
