"""``vaquero.span``: a block, a function or a stretch of time as a span.

One object serves all uses. It starts nothing until it is entered, called or first asked for
something, so it can stand above a function in a module that is being imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry.context import Context

from vaquero import _guard, _runtime
from vaquero._context import SPAN_KEY, attach, detach_quietly, get_current
from vaquero.compat.span import CompatSpan
from vaquero.facade import route as routes
from vaquero.facade.arguments import (
    DEFAULT_START,
    StartOptions,
    merged,
    usable_kind,
    usable_name,
    usable_time,
)
from vaquero.facade.route import place
from vaquero.facade.span_handle import NOOP, SpanHandle, adapter_of, note_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from opentelemetry.trace import Link, Span, SpanKind

F = TypeVar("F", bound="Callable[..., Any] | staticmethod[..., Any] | classmethod[Any, ..., Any]")

#: In the place of a token: the span was started without being made current.
_STARTED = object()

_new = object.__new__


def span(
    name: str = "",
    attributes: Mapping[str, object] | None = None,
    *,
    tags: Mapping[str, object] | None = None,
    metadata: Mapping[str, object] | None = None,
    kind: SpanKind | str | None = None,
    links: Sequence[Link] | None = None,
    start_time: int | datetime | None = None,
    **more: object,
) -> SpanScope:
    """A span for a block, for a function, or until ``finish()`` is called.

    ::

        with vaquero.span("checkout", items=3) as span:
            span.set_attribute("coupon", coupon)

        @vaquero.span("refund")
        def refund(order): ...

        s = vaquero.span("import")
        s.finish()

    The application's exceptions pass unchanged. An ``Exception`` that leaves the block becomes an
    exception event and status ERROR; a cancelled task gets ``vaquero.cancelled`` and no error.

    Args:
        name: What is done; low in cardinality. Values go to attributes. vaquero-sdk's name for
            it, ``operation_name``, is accepted as well.
        attributes: Attributes with any values.
        tags: Attributes under ``vaquero.tag.``, as text.
        metadata: Attributes under ``vaquero.metadata.``.
        kind: OpenTelemetry's kind, or its name such as ``client``; INTERNAL by default.
        links: Links to other spans.
        start_time: Unix time in nanoseconds, or an aware datetime; by default when the span starts.
        **more: Further attributes.

    Returns:
        A context manager of both kinds, a decorator and an OpenTelemetry span. As a context manager
        it gives the started span.
    """
    if routes._off:
        return cast("SpanScope", NOOP)
    scope = _new(SpanScope)
    if more and type(name) is str and not name and "operation_name" in more:
        name = cast("str", more.pop("operation_name"))
    scope._given_name = name
    if attributes is None and tags is None and metadata is None:
        attributes = more
    elif more or tags is not None or metadata is not None or type(attributes) is not dict:
        attributes = merged(attributes, tags, metadata, more)
    scope._given = attributes
    if kind is None and links is None and start_time is None:
        scope._options = DEFAULT_START
    else:
        scope._options = (usable_kind(kind), None, links, usable_time(start_time))
    scope._token = None
    scope._made_in = get_current()
    return scope


class SpanScope(SpanHandle):
    """What :func:`span` gives."""

    __slots__ = ("_given", "_given_name", "_made_in", "_options", "_token")

    _given_name: str
    _given: Mapping[str, object] | None
    _options: StartOptions
    _made_in: Context
    _token: Any

    def __enter__(self) -> CompatSpan:
        if self._token is not None:
            return self._enter_again()
        # ``routes.current()``, without its call: as in ``span_factory``, where calls are spans.
        route = routes.last
        if (
            route.provider is not place._TRACER_PROVIDER
            or route.sdk is not _runtime.sdk
            or route.begin is None
        ):
            route = routes.current()
            if route.begin is None:
                return NOOP
        name = self._given_name
        if type(name) is not str or not name:
            name = usable_name(name)
        base = get_current()
        try:
            span = route.begin(name, self._given, *self._options, base)
        except Exception as error:
            _guard.report(error, "starting a span")
            return NOOP
        self._inner = span
        self._token = attach(Context({**base, SPAN_KEY: span}))
        return span if route.own_spans else self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        token = self._token
        if token is None:
            return
        if type(token) is _Nested:
            self._leave_nested(token, exc_val)
            return
        self._token = _STARTED
        if token is not _STARTED:
            detach_quietly(token)
        span = self._inner
        if exc_val is not None:
            note_exit(self, exc_val)
        if span.is_recording():
            span.end()

    async def __aenter__(self) -> CompatSpan:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        self.__exit__(exc_type, exc_val, exc_tb)

    def __call__(self, function: F, /) -> F:
        """Decorate a function or the public methods of a class: each call is a span."""
        from vaquero.facade.decorator import spanned

        return spanned(function, self._given_name, self._given, self._options)

    def __repr__(self) -> str:
        return f"<vaquero.span {self._given_name!r}>"

    # ------------------------------------------------------------------ the unusual uses
    def __getattr__(self, name: str) -> Any:
        # Slots that are still empty come here: a bare object starts when it is first used.
        if name == "_inner":
            return self._start()
        if name == "_adapt":
            self._adapt = adapt = adapter_of(self._inner)
            return adapt
        if name.startswith("_") and (name in SpanScope.__slots__ or self._token is None):
            raise AttributeError(name)  # Tools that look at an object must not start its span.
        return super().__getattr__(name)

    def _start(self) -> Span:
        """Start the span without making it current."""
        begin = routes.current().begin
        started: Any = NOOP
        if begin is not None:
            name = self._given_name
            if type(name) is not str or not name:
                name = usable_name(name)
            kind, around, links, start_time = self._options
            if get_current().get(SPAN_KEY) is self:
                # Made current before it was started: its parent is what was current before that.
                around = self._made_in
            try:
                started = begin(name, self._given, kind, around, links, start_time, None)
            except Exception as error:
                _guard.report(error, "starting a span")
        self._inner = started
        self._token = _STARTED
        return started

    def _enter_again(self) -> CompatSpan:
        """Enter a scope that was started as a bare object, is over, or is still entered."""
        token = self._token
        if token is _STARTED:
            span = self._inner
            if span.is_recording():
                self._token = attach(Context({**get_current(), SPAN_KEY: span}))
                return span if isinstance(span, CompatSpan) else self
            self._token = None
            return self.__enter__()
        outer = self._inner
        self._token = None
        entered = self.__enter__()
        self._token = _Nested(self._token, token, outer)
        return entered

    def _leave_nested(self, nested: _Nested, error: BaseException | None) -> None:
        """Leave a scope that was entered more than once, as in a recursion."""
        self._token = nested.token
        self.__exit__(None, error, None)
        self._token = nested.outer_token
        self._inner = nested.outer_span


class _Nested:
    """In the place of a token: the scope is entered a second time, this is what was before."""

    __slots__ = ("outer_span", "outer_token", "token")

    def __init__(self, token: Any, outer_token: Any, outer_span: Any) -> None:
        self.token = token
        self.outer_token = outer_token
        self.outer_span = outer_span
