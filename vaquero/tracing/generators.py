"""Generators as spans: each step runs inside the span, and the caller never sees it as current.

The span starts with the first step and ends when the generator is exhausted, fails, is closed or is
dropped, in whatever task that happens. Between two steps the context that the body had is kept
here, so a span that the body holds open over a ``yield`` does not leak to the caller either.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Protocol, cast

from vaquero import _guard
from vaquero._context import attach, detach_quietly, get_current, with_span

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from opentelemetry.context import Context


class CallSpans(Protocol):
    """Begins the spans of a function's calls, and records what fails in them."""

    def begin(self, base: Context, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any:
        """Start the span of one call; None where nothing is traced.

        Args:
            base: The current context.
            args: The call's arguments.
            kwargs: The call's arguments.
        """
        ...

    def failed(self, span: Any, error: BaseException, /) -> None:
        """Record what left the call."""
        ...


def end_span(span: Any) -> None:
    """End a span unless the application has done so. Never raises."""
    try:
        if span.is_recording():
            span.end()
    except Exception as error:
        _guard.report(error, "ending a span")


class _Track:
    """The span of one generator and the context of its body; both None where nothing is traced."""

    __slots__ = ("_context", "_call_spans", "_span")

    def __init__(self, spans: CallSpans, span: Any, base: Context) -> None:
        self._call_spans = spans
        self._span = span
        self._context: Context | None = None if span is None else with_span(base, span)

    def _over(self, error: BaseException | None = None) -> None:
        """End the span, once; an exception that is an error is recorded."""
        span, self._span = self._span, None
        if span is None:
            return
        if error is not None:
            self._call_spans.failed(span, error)
        end_span(span)


class Steps(_Track):
    """A generator whose steps run inside a span; for ``yield from``."""

    __slots__ = ("_generator",)

    def __init__(
        self, spans: CallSpans, span: Any, base: Context, generator: Generator[Any, Any, Any]
    ) -> None:
        super().__init__(spans, span, base)
        self._generator = generator

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> Any:
        return self._step(next, self._generator)

    def send(self, value: Any) -> Any:
        """As a generator's ``send``."""
        return self._step(self._generator.send, value)

    def throw(self, *error: Any) -> Any:
        """As a generator's ``throw``."""
        return self._step(self._generator.throw, *error)

    def close(self) -> None:
        """As a generator's ``close``."""
        self._step(self._generator.close)
        self._over()

    def _step(self, resume: Callable[..., Any], *args: Any) -> Any:
        if self._context is None:
            return resume(*args)
        token = attach(self._context)
        try:
            return resume(*args)
        except StopIteration:
            self._over()
            raise
        except BaseException as error:
            self._over(error)
            raise
        finally:
            self._context = get_current()
            detach_quietly(token)


class AsyncSteps(_Track):
    """An asynchronous generator whose steps run inside a span."""

    __slots__ = ("_generator",)

    def __init__(
        self, spans: CallSpans, span: Any, base: Context, generator: AsyncGenerator[Any, Any]
    ) -> None:
        super().__init__(spans, span, base)
        self._generator = generator

    async def first(self) -> Any:
        """Run the body up to its first ``yield``."""
        # The event loop shall know of the outer generator only: told to close both at its own
        # end, it would close the inner one while the outer one is doing so.
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        try:
            step = self._generator.asend(None)
        finally:
            sys.set_asyncgen_hooks(*hooks)
        return await self._step(step)

    async def send(self, value: Any) -> Any:
        """As an asynchronous generator's ``asend``."""
        return await self._step(self._generator.asend(value))

    async def throw(self, error: BaseException) -> Any:
        """As an asynchronous generator's ``athrow``."""
        return await self._step(self._generator.athrow(error))

    async def close(self) -> None:
        """As an asynchronous generator's ``aclose``."""
        await self._step(self._generator.aclose())
        self._over()

    async def _step(self, step: Awaitable[Any]) -> Any:
        if self._context is None:
            return await step
        token = attach(self._context)
        try:
            return await step
        except StopAsyncIteration:
            self._over()
            raise
        except BaseException as error:
            self._over(error)
            raise
        finally:
            self._context = get_current()
            detach_quietly(token)

    def __del__(self) -> None:
        # Dropped where no event loop could close it: the span ends all the same.
        self._over()


def _steps(
    spans: CallSpans, span: Any, base: Context, generator: Generator[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    # ``yield from`` asks for nothing but these methods; a subclass of the ABC would be slower.
    return cast("Generator[Any, Any, Any]", Steps(spans, span, base, generator))


def spanned_generator(function: Callable[..., Any], spans: CallSpans) -> Callable[..., Any]:
    """The generator function with a span around each run of its body."""

    @functools.wraps(function)
    def stepped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator: Generator[Any, Any, Any] = function(*args, **kwargs)
        base = get_current()
        # Where nothing is traced the steps hand on and do nothing else.
        return (yield from _steps(spans, spans.begin(base, args, kwargs), base, generator))

    return stepped


def spanned_async_generator(function: Callable[..., Any], spans: CallSpans) -> Callable[..., Any]:
    """The asynchronous generator function with a span around each run of its body."""

    @functools.wraps(function)
    async def stepped(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        base = get_current()
        steps = AsyncSteps(spans, spans.begin(base, args, kwargs), base, generator)
        try:
            item = await steps.first()
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    await steps.close()
                    raise
                except BaseException as error:
                    item = await steps.throw(error)
                else:
                    item = await steps.send(sent)
        except StopAsyncIteration:
            return

    return stepped
