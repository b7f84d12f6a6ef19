"""OpenTelemetry's current context, by the shortest way that is safe.

OpenTelemetry keeps its context in one ``ContextVar``, and the token that ``attach`` returns names
it. So the variable is found through the public API, and is read and set without the API's three
layers. Where the context is kept in another way (``OTEL_PYTHON_CONTEXT``) the API is called.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as context_api
from opentelemetry.context import Context

from vaquero import _upstream
from vaquero._upstream import SPAN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SPAN_KEY", "attach", "detach", "detach_quietly", "get_current", "with_span"]


def _find_variable() -> ContextVar[Context] | None:
    """The context variable behind OpenTelemetry's context; None where it is kept elsewhere."""
    token: Any = context_api.attach(context_api.get_current())
    variable = getattr(token, "var", None)
    context_api.detach(token)
    return cast("ContextVar[Context]", variable) if isinstance(variable, ContextVar) else None


_variable = _find_variable()

#: The current context.
get_current: Callable[[], Context] = context_api.get_current if _variable is None else _variable.get
#: Make a context the current one; returns the token that :func:`detach` takes.
attach: Callable[[Context], Any] = context_api.attach if _variable is None else _variable.set
#: Make the former context current again. Raises ValueError where the token was made in another
#: ``contextvars.Context``, and RuntimeError where it has been used; what a context kept elsewhere
#: raises depends on its implementation.
detach: Callable[[Any], None] = _upstream.detach if _variable is None else _variable.reset


def detach_quietly(token: Any) -> None:
    """:func:`detach` for a block that may be left in another ``contextvars.Context``.

    That happens to generators that somebody else closes, and to blocks left in another task. There
    the context was never attached, so there is nothing to undo, and nothing is raised or logged.
    """
    try:
        detach(token)
    except Exception:
        return


def with_span(base: Context, span: object) -> Context:
    """A copy of the context in which this span is the current one."""
    return Context({**base, SPAN_KEY: span}) if base else Context({SPAN_KEY: span})
