"""What ``start_as_current_span`` does as a decorator: each call of the function is a span."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vaquero._context import attach, detach_quietly, get_current, with_span
from vaquero.tracing.generators import (
    CallSpans,
    spanned_async_generator,
    spanned_generator,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from opentelemetry.trace import Span

F = TypeVar("F", bound="Callable[..., Any]")


class BlockSpans(CallSpans, Protocol):
    """Begins and ends the spans of a decorated function's calls."""

    def close(self, span: Span, error: BaseException | None, /) -> None:
        """Record what left the call, and end its span."""
        ...


class Call:
    """One call of a decorated function, inside a span of its own."""

    __slots__ = ("_block", "_span", "_token")

    def __init__(self, block: BlockSpans) -> None:
        self._block = block

    def __enter__(self) -> None:
        base = get_current()
        self._span = self._block.begin(base, (), {})
        self._token = attach(with_span(base, self._span))

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        detach_quietly(self._token)
        self._block.close(self._span, exc_val)


def decorated(function: F, block: BlockSpans) -> F:
    """The function with a span for each call.

    Args:
        function: A function, a coroutine function or a generator function of either kind.
        block: Begins and ends the spans.
    """
    wrapper: Any
    if inspect.isgeneratorfunction(function):
        wrapper = spanned_generator(function, block)
    elif inspect.isasyncgenfunction(function):
        wrapper = spanned_async_generator(function, block)
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
