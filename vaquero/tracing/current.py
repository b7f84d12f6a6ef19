"""Making a span current for a while: a slot class instead of a generator.

Leaving is silent where the block is left in another ``contextvars.Context`` than it was entered in
(:func:`vaquero._context.detach_quietly`).
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry.context import Context
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from vaquero import _guard
from vaquero._context import attach, detach, detach_quietly, get_current, with_span
from vaquero._exceptions import status_text
from vaquero.tracing.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.trace import Link

    from vaquero.tracing.tracer import Tracer

F = TypeVar("F", bound="Callable[..., Any]")


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
        # As ``begin`` below, without its call.
        span = self._span = self._tracer.begin(
            self._name,
            self._attributes,
            self._kind,
            self._context,
            self._links,
            self._start_time,
            base,
        )
        self._token = attach(with_span(base, span))
        return span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            detach(self._token)
        except Exception:
            pass  # As in ``detach_quietly``, without its call.
        if exc_val is not None:
            note(self._span, exc_val, self._record, self._set_status)
        if self._end_on_exit:
            self._span.end()

    def begin(self, base: Context, args: Any = (), kwargs: Any = None) -> ApiSpan:
        """Start the span of one block, or of one call of a decorated function."""
        return self._tracer.begin(
            self._name,
            self._attributes,
            self._kind,
            self._context,
            self._links,
            self._start_time,
            base,
        )

    def close(self, span: ApiSpan, error: BaseException | None) -> None:
        """Note what left the block, and end its span."""
        if error is not None:
            note(span, error, self._record, self._set_status)
        if self._end_on_exit:
            span.end()

    def failed(self, span: ApiSpan, error: BaseException) -> None:
        """Note what left a decorated generator."""
        note(span, error, self._record, self._set_status)

    def __call__(self, function: F) -> F:
        """Decorate a function: each of its calls is a span."""
        return decorated(function, self)


class Call:
    """One call of a decorated function, inside a span of its own."""

    __slots__ = ("_block", "_span", "_token")

    def __init__(self, block: CurrentSpan) -> None:
        self._block = block

    def __enter__(self) -> None:
        base = get_current()
        self._span = self._block.begin(base)
        self._token = attach(with_span(base, self._span))

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        detach_quietly(self._token)
        self._block.close(self._span, exc_val)


def decorated(function: F, block: CurrentSpan) -> F:
    """The function with a span for each call.

    Args:
        function: A function, a coroutine function or a generator function of either kind.
        block: What the spans are to be like.
    """
    wrapper: Any
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        # Loaded here, because the facade builds on this module.
        from vaquero.tracing import generators

        spanned = (
            generators.spanned_generator
            if inspect.isgeneratorfunction(function)
            else generators.spanned_async_generator
        )
        wrapper = spanned(function, cast("Any", block))
    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with Call(block):
                return await function(*args, **kwargs)

        wrapper = awaited
    else:

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with Call(block):
                return function(*args, **kwargs)

        wrapper = called
    return wrapper
