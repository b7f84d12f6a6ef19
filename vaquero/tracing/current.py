"""Making a span current for a while: a slot class instead of a generator.

One ``ContextVar`` is set through OpenTelemetry's API. Leaving is silent where the block is left in
another ``contextvars.Context`` than it was entered in, as happens to generators that are closed by
somebody else: there the variable was never ours.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import context as context_api
from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation import _SPAN_KEY as SPAN_KEY

from vaquero import _guard
from vaquero.tracing.exceptions import status_text
from vaquero.tracing.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.trace import Link

    from vaquero.tracing.tracer import Tracer

F = TypeVar("F", bound="Callable[..., Any]")


def enter(span: ApiSpan, base: Context | None = None) -> Token[Context]:
    """Make this span the current one.

    Args:
        span: Any span of OpenTelemetry.
        base: The context to add it to; the current one by default.

    Returns:
        What :func:`leave` needs to make the former span current again.
    """
    return attach(Context({**(get_current() if base is None else base), SPAN_KEY: span}))


def leave(token: Token[Context]) -> None:
    """Make the span current that was so before :func:`enter`; silent where that is not possible."""
    try:
        context_api._RUNTIME_CONTEXT.detach(token)
    except ValueError:
        return  # Left in another context, or twice: there is nothing of ours to take away.


def note(span: ApiSpan, error: BaseException, record: bool, set_status: bool) -> None:
    """Note on any span that an exception left its block; never raises.

    Only ``Exception`` is noted, as OpenTelemetry's ``use_span`` does it: ``GeneratorExit``,
    ``KeyboardInterrupt`` and cancelled tasks are no errors of the block.
    """
    if not isinstance(error, Exception):
        return
    if isinstance(span, Span):
        if span.is_recording():
            span.fail(error, record, set_status, escaped=False)
        return
    try:
        if span.is_recording():
            if record:
                span.record_exception(error)
            if set_status:
                span.set_status(Status(StatusCode.ERROR, status_text(error)))
    except Exception as failure:
        _guard.report(failure, "noting an exception")


class CurrentSpan:
    """What ``start_as_current_span`` gives: a context manager, and a decorator.

    The span starts when the block is entered, and each call of a decorated function has one of its
    own. Coroutine functions are spanned until they return, generators until they are exhausted.
    """

    __slots__ = (
        "_attributes",
        "_context",
        "_end_on_exit",
        "_kind",
        "_links",
        "_name",
        "_record",
        "_set_status",
        "_span",
        "_start_time",
        "_token",
        "_tracer",
    )

    _span: ApiSpan
    _token: Token[Context]

    def __init__(
        self,
        tracer: Tracer,
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        links: Sequence[Link] | None,
        start_time: int | None,
        record_exception: bool,
        set_status_on_exception: bool,
        end_on_exit: bool,
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._context = context
        self._kind = kind
        self._attributes = attributes
        self._links = links
        self._start_time = start_time
        self._record = record_exception
        self._set_status = set_status_on_exception
        self._end_on_exit = end_on_exit

    def __enter__(self) -> ApiSpan:
        base = get_current()
        span = self._span = self._tracer.begin(
            self._name,
            self._attributes,
            self._kind,
            self._context,
            self._links,
            self._start_time,
            base,
        )
        self._token = attach(Context({**base, SPAN_KEY: span}))
        return span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        leave(self._token)
        span = self._span
        if exc_val is not None:
            note(span, exc_val, self._record, self._set_status)
        if self._end_on_exit:
            span.end()

    def _again(self) -> CurrentSpan:
        return CurrentSpan(
            self._tracer,
            self._name,
            self._context,
            self._kind,
            self._attributes,
            self._links,
            self._start_time,
            self._record,
            self._set_status,
            self._end_on_exit,
        )

    def __call__(self, function: F) -> F:
        """Decorate a function: each of its calls is a span."""
        return decorated(function, self._again)


def decorated(function: F, again: Callable[[], Any]) -> F:
    """The function inside a context manager of its own for each call.

    Args:
        function: A function, a coroutine function or a generator function of either kind.
        again: Makes the context manager of one call.
    """
    wrapper: Any
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with again():
                return await function(*args, **kwargs)

        wrapper = awaited
    else:

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with again():
                return function(*args, **kwargs)

        wrapper = called
    return wrapper
