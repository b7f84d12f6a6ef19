"""OpenTelemetry's current context, by the shortest way that is safe.

OpenTelemetry keeps its context in one ``ContextVar``, and the token that ``attach`` gives names it.
So the variable is had from the public API, and is read and set without the API's three layers.
Where the context is kept in another way (``OTEL_PYTHON_CONTEXT``) the API is called.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as context_api
from opentelemetry.context import Context

from vaquero._upstream import SPAN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SPAN_KEY", "make_present", "present", "undo", "with_span"]


def _variable() -> ContextVar[Context] | None:
    token: Any = context_api.attach(context_api.get_current())
    variable = getattr(token, "var", None)
    context_api.detach(token)
    return cast("ContextVar[Context]", variable) if isinstance(variable, ContextVar) else None


_kept_in = _variable()

#: The current context.
present: Callable[[], Context] = context_api.get_current if _kept_in is None else _kept_in.get
#: Make a context the current one; gives a token for :func:`undo`.
make_present: Callable[[Context], Any] = context_api.attach if _kept_in is None else _kept_in.set
#: Make the former context current again. Raises ValueError where the token was made in another
#: ``contextvars.Context``, and RuntimeError where it has been used.
undo: Callable[[Any], None] = context_api.detach if _kept_in is None else _kept_in.reset


def with_span(base: Context, span: object) -> Context:
    """The context with this span as the current one."""
    return Context({**base, SPAN_KEY: span}) if base else Context({SPAN_KEY: span})
