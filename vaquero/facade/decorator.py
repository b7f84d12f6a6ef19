"""``@vaquero.trace``: each call of a function, or of a class's public methods, as a span.

Decorating changes nothing that can be seen from outside: signature, annotations, name, module, kind
of function and pickling stay. It starts nothing; the first call does.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, overload

from opentelemetry.context import Context

from vaquero import _guard, _log, values
from vaquero._context import SPAN_KEY, attach, detach_quietly, get_current
from vaquero._nearest import did_you_mean
from vaquero._probe import is_a, text_of
from vaquero.compat.fields import json_of
from vaquero.compat.span import AGENT_NAME
from vaquero.facade import route as routes
from vaquero.facade.arguments import DEFAULT_START, StartOptions, merged, usable_kind
from vaquero.facade.classes import MARK, trace_class
from vaquero.facade.span_factory import SpanFactory, TraceOptions
from vaquero.tracing.generators import end_span, spanned_async_generator, spanned_generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import SpanKind

    Traceable = Callable[..., Any] | staticmethod[..., Any] | classmethod[Any, ..., Any] | property

F = TypeVar("F", bound="Traceable")


#: Names and patterns that one decoration may list.
_MAX_NAMES = 10_000


class Decorator(Protocol):
    """Gives back what it is given, traced: types survive."""

    def __call__(self, target: F, /) -> F:
        """Trace a function or a class."""
        ...


@overload
def trace(target: F, /) -> F: ...
@overload
def trace(
    agent_name: str | None = None,
    *,
    name: str | None = None,
    tags: Mapping[str, object] | None = None,
    metadata: Mapping[str, object] | None = None,
    attributes: Mapping[str, object] | None = None,
    kind: SpanKind | str | None = None,
    capture_inputs: bool | None = None,
    capture_outputs: bool | None = None,
    capture_errors: bool = True,
    include: Iterable[str] | str = (),
    exclude: Iterable[str] | str = (),
    system_prompt: str | None = None,
    prompt_name: str | None = None,
    prompt_version: str | None = None,
    prompt_parameters: Mapping[str, object] | None = None,
) -> Decorator: ...
def trace(
    agent_name: Any = None,
    *,
    name: str | None = None,
    tags: Mapping[str, object] | None = None,
    metadata: Mapping[str, object] | None = None,
    attributes: Mapping[str, object] | None = None,
    kind: SpanKind | str | None = None,
    capture_inputs: bool | None = None,
    capture_outputs: bool | None = None,
    capture_errors: bool = True,
    include: Iterable[str] | str = (),
    exclude: Iterable[str] | str = (),
    system_prompt: str | None = None,
    prompt_name: str | None = None,
    prompt_version: str | None = None,
    prompt_parameters: Mapping[str, object] | None = None,
    **unknown: object,
) -> Any:
    """Trace a function, a coroutine function, a generator function or a class.

    Stands directly above the function, below decorators that register it somewhere.

    Args:
        agent_name: The span's name, and ``vaquero.agent.name``; by default the span has the
            function's name. For a class: what its spans' names begin with, by default its name.
        name: The span's name where it is not the agent's.
        tags: Attributes under ``vaquero.tag.``, as text.
        metadata: Attributes under ``vaquero.metadata.``.
        attributes: Further attributes of every span.
        kind: OpenTelemetry's kind, or its name such as ``client``; INTERNAL by default.
        capture_inputs: Record the arguments as JSON text in ``vaquero.input``, without ``self``;
            by default as the settings say, and there it is off.
        capture_outputs: Record the result as JSON text in ``vaquero.output``; default likewise.
        capture_errors: Record exceptions with text and traceback; without it only their class.
        include: For a class: names, or patterns such as ``_load*``, of members that are traced
            although they are dunders, private, properties or nested classes.
        exclude: For a class: names or patterns of methods that are not traced.
        system_prompt: ``gen_ai.system_instructions``.
        prompt_name: ``gen_ai.prompt.name``.
        prompt_version: ``vaquero.prompt.version``.
        prompt_parameters: ``vaquero.prompt.parameters``, as JSON text.
        **unknown: Warned of, with the nearest known name, and ignored.

    Returns:
        The decorated object, or the decorator.
    """
    for key in unknown:
        _log.warn(
            f"trace:{key}",
            "trace(%s=...) is not known and has no effect%s",
            key,
            did_you_mean(key, inspect.signature(trace).parameters),
        )
    target: Any = None
    if _is_target(agent_name):
        target, agent_name = agent_name, None
    agent_name, name = _text("agent_name", agent_name), _text("name", name)
    fixed = merged(attributes, tags, metadata, None)
    parameters = None if prompt_parameters is None else json_of(prompt_parameters)
    prompt = {
        "gen_ai.system_instructions": system_prompt,
        "gen_ai.prompt.name": prompt_name,
        "vaquero.prompt.version": prompt_version,
        "vaquero.prompt.parameters": parameters,
    }
    fixed.update({key: value for key, value in prompt.items() if value is not None})
    if agent_name:
        fixed[AGENT_NAME] = agent_name
    options = TraceOptions(
        name=name,
        agent_name=agent_name,
        attributes={key: values.freeze(value) for key, value in fixed.items()},
        start=(usable_kind(kind), None, None, None),
        capture_inputs=None if capture_inputs is None else bool(capture_inputs),
        capture_outputs=None if capture_outputs is None else bool(capture_outputs),
        capture_errors=bool(capture_errors),
        include=_names("include", include),
        exclude=_names("exclude", exclude),
    )
    if target is None:
        return functools.partial(decorate, options=options)
    return decorate(target, options)


def spanned(
    target: F,
    name: str,
    attributes: Mapping[str, object] | None,
    start: StartOptions = DEFAULT_START,
) -> F:
    """What ``vaquero.span(...)`` does as a decorator."""
    frozen = {key: values.freeze(value) for key, value in (attributes or {}).items()}
    return decorate(target, TraceOptions(name=name, attributes=frozen, start=start))


def decorate(target: Any, options: TraceOptions) -> Any:
    """Trace anything that can be traced; everything else is given back as it is. Never raises."""
    try:
        return _decorated(target, options)
    except Exception as error:
        _guard.report(error, f"tracing an object of type {type(target).__name__}")
        return target


def _decorated(target: Any, options: TraceOptions) -> Any:
    if isinstance(target, type):
        return trace_class(cast("type[Any]", target), options, decorate)
    if is_a(target, (staticmethod, classmethod)):
        method = cast("Any", target)
        return type(method)(_traced(method.__func__, options))
    if is_a(target, property):
        getter = target.fget
        return target if getter is None else target.getter(_traced(getter, options))
    if is_a(target, functools.cached_property):
        return functools.cached_property(_traced(target.func, options))
    if is_a(target, functools.partialmethod):
        return functools.partialmethod(
            _traced(target.func, options), *target.args, **target.keywords
        )
    if callable(target):
        return _traced(target, options)
    _log.warn(
        "trace:target",
        "trace cannot be used on an object of type %s: expected a function or a class.",
        type(target).__name__,
    )
    return target


def _traced(function: Callable[..., Any], options: TraceOptions) -> Callable[..., Any]:
    """The function with a span around each call, of the same kind as the function."""
    factory = SpanFactory(function, options)
    runs = function if inspect.isroutine(function) else _call_of(function)
    if inspect.iscoroutinefunction(runs):
        traced = _awaited(function, factory)
    elif inspect.isasyncgenfunction(runs):
        traced = spanned_async_generator(function, factory)
    elif inspect.isgeneratorfunction(runs):
        traced = spanned_generator(function, factory)
    else:
        traced = _called(function, factory)
    _keep_face(function, traced)
    setattr(traced, MARK, True)
    return traced


def _call_of(target: Any) -> Any:
    """What runs when an object is called: for a partial its function, else ``__call__``."""
    return cast("Any", target) if is_a(target, functools.partial) else target.__call__


def _called(function: Callable[..., Any], factory: SpanFactory) -> Callable[..., Any]:
    begin, outputs = factory.begin, factory.outputs

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        base = get_current()
        span = begin(base, args, kwargs)
        if span is None:
            return function(*args, **kwargs)
        token = attach(Context({**base, SPAN_KEY: span}))
        try:
            result = function(*args, **kwargs)
            if outputs or (outputs is None and routes.last.outputs):
                factory.result(span, result)
            return result
        except BaseException as error:
            factory.failed(span, error)
            raise
        finally:
            detach_quietly(token)
            end_span(span)

    return called


def _awaited(function: Callable[..., Any], factory: SpanFactory) -> Callable[..., Any]:
    begin, outputs = factory.begin, factory.outputs

    @functools.wraps(function)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        base = get_current()
        span = begin(base, args, kwargs)
        if span is None:
            return await function(*args, **kwargs)
        token = attach(Context({**base, SPAN_KEY: span}))
        try:
            result = await function(*args, **kwargs)
            if outputs or (outputs is None and routes.last.outputs):
                factory.result(span, result)
            return result
        except BaseException as error:
            factory.failed(span, error)
            raise
        finally:
            detach_quietly(token)
            end_span(span)

    return awaited


def _keep_face(function: Any, traced: Any) -> None:
    """Give the traced function what ``functools.wraps`` does not copy."""
    if not hasattr(function, "__name__"):
        inner = _named_like(function)
        traced.__name__ = getattr(inner, "__name__", traced.__name__)
        traced.__qualname__ = getattr(inner, "__qualname__", traced.__name__)
        traced.__module__ = getattr(inner, "__module__", traced.__module__)
    for extra in ("cache_info", "cache_clear", "cache_parameters"):
        if hasattr(function, extra):
            setattr(traced, extra, getattr(function, extra))


def _named_like(target: Any) -> Any:
    """What gives its name to a callable without one: a partial's function, an object's class."""
    return cast("Any", target.func if is_a(target, functools.partial) else type(target))


def _is_target(first: object) -> bool:
    return callable(first) or isinstance(
        first,
        (staticmethod, classmethod, property, functools.cached_property, functools.partialmethod),
    )


def _text(parameter: str, value: object) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    _log.warn(
        f"trace:{parameter}",
        "%s=%.100r (from argument of trace) is invalid; valid: non-empty text; "
        "using the function's name.",
        parameter,
        values.freeze(value),
    )
    return None


def _names(parameter: str, given: object) -> tuple[str, ...]:
    if type(given) is str:
        return (given,)
    if is_a(given, Iterable):
        try:
            names = [*islice(cast("Iterable[object]", given), _MAX_NAMES)]
        except Exception as error:
            _guard.report(error, f"reading trace({parameter}=...)")
            return ()
        return tuple([text_of(name) for name in names])
    if given is not None:
        _log.warn(
            f"trace:{parameter}",
            "%s=%.100r (from argument of trace) is invalid; valid: names; using none.",
            parameter,
            values.freeze(given),
        )
    return ()
