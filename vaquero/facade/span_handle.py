"""A span of another provider with the methods of vaquero's.

Where the application has set its own provider, its spans stay what they are. The facade hands out
a :class:`SpanHandle` around them: an OpenTelemetry span that takes any value as an attribute and
has the methods and fields of vaquero-sdk's span. :data:`NOOP` stands for "no span"; it is false.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import trace as trace_api
from opentelemetry.trace import (
    INVALID_SPAN,
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Span,
    Status,
    StatusCode,
)

from vaquero import _guard, _log, values
from vaquero._exceptions import exception_attributes
from vaquero._probe import is_a, is_truthy, key_of, text_of
from vaquero.compat.span import CANCELLED, CompatSpan, record_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from opentelemetry.trace import SpanContext

    Adapt = Callable[[object], Any]

F = TypeVar("F")

_UNSET = Status(StatusCode.UNSET)

#: Exceptions outside ``Exception`` by which asyncio and trio cancel a task.
_CANCELLATIONS = frozenset({"CancelledError", "Cancelled"})


def adapter_of(span: object) -> Adapt:
    """What a value must go through for this span: none is refused, none makes a warning.

    Returns:
        ``values.freeze`` for spans of an SDK that takes mappings and None; for all others a
        function that narrows further, and gives None for what has to be left out.
    """
    sdk = sys.modules.get("opentelemetry.sdk.trace")
    if sdk is not None and isinstance(span, sdk.ReadableSpan) and takes_any_value():
        return values.freeze
    return narrow


def narrow(value: object) -> Any:
    """Any value as each span of OpenTelemetry takes it; None for what has to be left out."""
    return values.plain(values.freeze(value))


@functools.cache
def takes_any_value() -> bool:
    """Whether the installed SDK keeps mappings and None as attributes; tried, not looked up."""
    from opentelemetry.attributes import BoundedAttributes

    logger = logging.getLogger("opentelemetry.attributes")
    logger.addFilter(_silent)
    try:
        tried: dict[str, Any] = {"mapping": {"deep": (1, "two", None)}, "none": None}
        kept = BoundedAttributes(attributes=tried)
        return dict(kept) == tried
    except Exception:
        return False
    finally:
        logger.removeFilter(_silent)


def _silent(record: logging.LogRecord) -> bool:
    return False


def adapted(attributes: Mapping[str, object], adapt: Adapt) -> dict[str, Any]:
    """Attributes as the span behind ``adapt`` takes them, under keys that it takes."""
    if not is_a(attributes, Mapping):
        _log.warn(
            "span:attributes",
            "attributes=%.100r (from argument) is invalid; valid: a mapping; using none.",
            values.freeze(attributes),
        )
        return {}
    narrow = adapt is not values.freeze
    taken: dict[str, Any] = {}
    for key, value in attributes.items():
        fit = adapt(value)
        if fit is not None or not narrow:
            taken[key_of(key)] = fit
    return taken


class SpanHandle(CompatSpan, Span):
    """An OpenTelemetry span around another one; see the module's description.

    What it does not have itself it asks the span inside for, so what a vendor's span can do beyond
    OpenTelemetry stays within reach. ``span_inside`` is that span.
    """

    __slots__ = ("_adapt", "_inner")

    _inner: Any
    _adapt: Adapt

    def __init__(self, span: Span) -> None:
        """Wrap a span.

        Args:
            span: A span of any provider.
        """
        self._inner = span
        self._adapt = adapter_of(span)

    @property
    def span_inside(self) -> Span:
        """The span that this handle stands for."""
        return self._inner

    def __getattr__(self, name: str) -> Any:
        if name in SpanHandle.__slots__:
            raise AttributeError(name)  # A copy in the making, still empty.
        return getattr(self._inner, name)

    def __repr__(self) -> str:
        return f"<vaquero span around {self._inner!r}>"

    # ------------------------------------------------------------------ writing
    def set_attribute(self, key: str, value: object) -> None:
        """Set one attribute to any value; ``docs/values.md`` says how each kind arrives."""
        # As text: a key that cannot be hashed cannot stand in a mapping.
        self.set_attributes({key if type(key) is str else key_of(key): value})

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Set several attributes to any values."""
        inner = self._inner
        if type(inner) is NonRecordingSpan:
            return
        try:
            fit = adapted(attributes, self._adapt)
            if fit:
                inner.set_attributes(fit)
        except Exception as error:
            _guard.report(error, "SpanHandle.set_attributes")

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        """Add an event; its attributes may have any values."""
        inner = self._inner
        try:
            fit = self._adapted(attributes)
            inner.add_event(name, fit, timestamp)
        except Exception as error:
            _guard.report(error, "SpanHandle.add_event")

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Add a link to another span."""
        inner = self._inner
        try:
            inner.add_link(context, self._adapted(attributes))
        except Exception as error:
            _guard.report(error, "SpanHandle.add_link")

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Add an event that describes an exception."""
        inner = self._inner
        try:
            fit = self._adapted(attributes)
            inner.record_exception(exception, fit, timestamp, escaped)
        except Exception:
            # Its __str__ raises: OpenTelemetry's event cannot be made, one like it can.
            made = exception_attributes(exception, escaped)
            if attributes is not None:
                made.update(adapted(attributes, self._adapt))
            self.add_event("exception", made, timestamp)

    def _adapted(self, attributes: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if attributes is None or not is_truthy(attributes):
            return None
        return adapted(attributes, self._adapt)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set OpenTelemetry's status."""
        try:
            if description is not None:
                description = text_of(description)
            self._inner.set_status(status, description)
        except Exception as error:
            _guard.report(error, "SpanHandle.set_status")

    def update_name(self, name: str) -> None:
        """Give the span another name."""
        try:
            self._inner.update_name(name if type(name) is str else text_of(name))
        except Exception as error:
            _guard.report(error, "SpanHandle.update_name")

    def end(self, end_time: int | None = None) -> None:
        """End the span.

        Args:
            end_time: Unix time in nanoseconds; now by default.
        """
        self._inner.end(end_time)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._inner.__exit__(exc_type, exc_val, exc_tb)

    # ------------------------------------------------------------------ reading
    def is_recording(self) -> bool:
        """Whether what is written is kept."""
        return self._inner.is_recording()

    def get_span_context(self) -> SpanContext:
        """The ids and flags of the span, as they are propagated."""
        return self._inner.get_span_context()

    if not TYPE_CHECKING:
        # A span that does not record cannot be read; these are what it shows then.
        name = property(lambda self: getattr(self._inner, "name", ""))
        context = property(lambda self: self._inner.get_span_context())
        kind = property(lambda self: getattr(self._inner, "kind", trace_api.SpanKind.INTERNAL))
        parent = property(lambda self: getattr(self._inner, "parent", None))
        start_time = property(lambda self: getattr(self._inner, "start_time", None))
        end_time = property(lambda self: getattr(self._inner, "end_time", None))
        status = property(lambda self: getattr(self._inner, "status", _UNSET))
        attributes = property(lambda self: getattr(self._inner, "attributes", None) or {})
        events = property(lambda self: getattr(self._inner, "events", ()))
        links = property(lambda self: getattr(self._inner, "links", ()))


class NoopSpan(SpanHandle):
    """Stands for no span: is false, keeps nothing, and can be used wherever a span can.

    It is a context manager of both kinds and a decorator too, since it also stands for a facade
    that is switched off.
    """

    __slots__ = ()

    def __init__(self) -> None:
        """Wrap OpenTelemetry's invalid span."""
        super().__init__(INVALID_SPAN)

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "<no span>"

    def __call__(self, function: F, /) -> F:
        """Nothing is switched on: the function stays as it is."""
        return function

    async def __aenter__(self) -> CompatSpan:
        return self

    async def __aexit__(self, *failure: object) -> None:
        return None

    def __exit__(self, *failure: object) -> None:
        return None

    def get_span_context(self) -> SpanContext:
        """OpenTelemetry's invalid context."""
        return INVALID_SPAN_CONTEXT

    def is_recording(self) -> bool:
        """Always False."""
        return False

    def set_attribute(self, key: str, value: object) -> None:
        """Keeps nothing."""

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Keeps nothing."""

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        """Keeps nothing."""

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Keeps nothing."""


#: The one object for "no span".
NOOP = NoopSpan()


def handle_of(span: Any) -> CompatSpan:
    """The span itself where it has the methods of vaquero-sdk's span, else a handle around it."""
    return span if isinstance(span, CompatSpan) else SpanHandle(span)


def note_exit(span: CompatSpan, error: BaseException, record: bool = True) -> None:
    """Record on a span what left its block; never raises.

    Args:
        span: A span of vaquero, or a handle.
        error: What left. Apart from ``Exception`` only cancellation is recorded, as
            ``vaquero.cancelled``: the end of a program or of a generator is no failure.
        record: False leaves out the event and the exception's text.
    """
    if isinstance(error, Exception):
        record_error(span, error, record)
    elif type(error).__name__ in _CANCELLATIONS and span.is_recording():
        span.set_attribute(CANCELLED, True)
