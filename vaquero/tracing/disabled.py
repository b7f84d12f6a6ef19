"""The tracer of a disabled SDK: it does nothing, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanKind,
    TracerProvider,
)

from vaquero._context import SPAN_KEY, get_current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Link

F = TypeVar("F", bound="Callable[..., Any]")


class NoOpCurrentSpan:
    """A block without a span of its own: the current context stays as it is.

    As a decorator it gives the function back.
    """

    __slots__ = ("_span",)

    def __init__(self, span: Span = INVALID_SPAN) -> None:
        self._span = span

    def __enter__(self) -> Span:
        return self._span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        return None

    def __call__(self, function: F) -> F:
        """The function as it is."""
        return function


NOOP_CURRENT_SPAN = NoOpCurrentSpan()


class DisabledTracer(NoOpTracer):
    """What a disabled provider gives: no spans, but the context of a remote parent passes on."""

    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Any:
        """A block without a span, as context manager and decorator."""
        if context is None:
            current = get_current().get(SPAN_KEY)
            if current is None:
                return NOOP_CURRENT_SPAN
            if type(current) is NonRecordingSpan:
                return NoOpCurrentSpan(current)
        return super().start_as_current_span(name, context, kind, attributes, links)


class DisabledProvider(TracerProvider):
    """A global provider for a disabled process; needs nothing but the API."""

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> NoOpTracer:
        """A tracer that does nothing."""
        return DisabledTracer()
