"""Making a span current for a while: a slot class instead of a generator.

Leaving is silent where the block is left in another ``contextvars.Context`` than it was entered in
(:func:`vaquero._context.detach_quietly`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from opentelemetry.context import Context
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from vaquero import _guard
from vaquero._context import attach, detach, get_current, with_span
from vaquero._exceptions import status_text
from vaquero.tracing.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.trace import Link

F = TypeVar("F", bound="Callable[..., Any]")


def fail_span(span: ApiSpan, error: BaseException, record: bool, set_status: bool) -> None:
    """Record on any span that an exception left its block; never raises.

    Only ``Exception`` is recorded, as OpenTelemetry's ``use_span`` does it: ``GeneratorExit``,
    ``KeyboardInterrupt`` and cancelled tasks are not errors of the block.
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


class SpanStarter(Protocol):
    """The one method of the tracer that a block needs: see :meth:`vaquero.tracing.Tracer.begin`."""

    def begin(
        self,
        name: str,
        attributes: Mapping[str, Any] | None,
        kind: SpanKind,
        context: Context | None,
        links: Sequence[Link] | None,
        start_time: int | None,
        base: Context | None,
        /,
    ) -> ApiSpan:
        """Start a span."""
        ...


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
        tracer: SpanStarter,
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
            fail_span(self._span, exc_val, self._record, self._set_status)
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
        """Record what left the block, and end its span."""
        if error is not None:
            fail_span(span, error, self._record, self._set_status)
        if self._end_on_exit:
            span.end()

    def failed(self, span: ApiSpan, error: BaseException) -> None:
        """Record what left a decorated generator."""
        fail_span(span, error, self._record, self._set_status)

    def __call__(self, function: F) -> F:
        """Decorate a function: each of its calls is a span."""
        from vaquero.tracing.decorated import decorated

        return decorated(function, self)
