"""The options of one traced function, and how the spans of its calls begin and end."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from vaquero import _guard, _runtime
from vaquero.compat.span import INPUT, OUTPUT
from vaquero.facade import route as routes
from vaquero.facade.arguments import DEFAULT_START, StartOptions
from vaquero.facade.capture import Inputs, output
from vaquero.facade.route import place
from vaquero.facade.span_handle import handle_of, note_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context


@dataclass(frozen=True)
class TraceOptions:
    """What was asked for when decorating.

    Attributes:
        name: The span's name; None for the function's own.
        agent_name: vaquero-sdk's agent name: prefix of the span names of a class.
        attributes: Attributes of every span, values as given.
        start: Kind, context, links and start time.
        capture_inputs: Whether arguments become ``vaquero.input``; None asks the settings.
        capture_outputs: Whether results become ``vaquero.output``; None asks the settings.
        capture_errors: Whether exceptions are recorded with text and traceback.
        include: Names in a class that are traced although they are not public methods.
        exclude: Names in a class that are not traced.
    """

    name: str | None = None
    agent_name: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    start: StartOptions = DEFAULT_START
    capture_inputs: bool | None = None
    capture_outputs: bool | None = None
    capture_errors: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class SpanFactory:
    """Makes the spans of one function. Made at decoration: reads no clock and starts no SDK."""

    __slots__ = ("attributes", "errors", "inputs", "name", "outputs", "start", "wanted")

    def __init__(self, function: Callable[..., Any], options: TraceOptions) -> None:
        code_of = _function_in(function)
        self.name = options.name or options.agent_name or _own_name(code_of)
        self.attributes: dict[str, Any] = {**_place_of(code_of), **options.attributes}
        self.start = options.start
        owned = "." in _own_name(code_of)
        self.inputs = Inputs(function, owned)
        self.wanted = options.capture_inputs
        self.outputs = options.capture_outputs
        self.errors = options.capture_errors

    def begin(self, base: Context, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Start the span of one call; None where nothing is traced. Never raises.

        Args:
            base: The current context.
            args: The call's arguments, for capture.
            kwargs: The call's arguments, for capture.
        """
        # ``routes.current()``, without its call: as in ``span``, where blocks are spans.
        route = routes.last
        if (
            route.provider is not place._TRACER_PROVIDER
            or route.sdk is not _runtime.sdk
            or route.begin is None
        ):
            route = routes.current()
            if route.begin is None:
                return None
        try:
            attributes = self.attributes
            if self.wanted or (self.wanted is None and route.inputs):
                attributes = {**attributes, INPUT: self.inputs.text(args, kwargs)}
            return route.begin(self.name, attributes, *self.start, base)
        except Exception as error:
            _guard.report(error, "starting a span")
            return None

    def result(self, span: Any, result: object) -> None:
        """Record what the call returned. Never raises."""
        if span.is_recording():
            handle_of(span).set_attribute(OUTPUT, output(result))

    def failed(self, span: Any, error: BaseException) -> None:
        """Record what left the call. Never raises."""
        note_exit(handle_of(span), error, self.errors)


def _function_in(target: Any) -> Any:
    """The function that runs when this is called, below partials, wrappers and objects."""
    while isinstance(target, functools.partial):
        target = target.func
    try:
        target = inspect.unwrap(target)
    except ValueError:
        return target
    if inspect.ismethod(target):
        return target.__func__
    if hasattr(target, "__code__") or isinstance(target, type) or inspect.isbuiltin(target):
        return target
    kind = cast("Any", type(target))
    return kind.__call__ if hasattr(kind.__call__, "__code__") else target


def _own_name(function: Any) -> str:
    """``Class.method`` or ``function``: the qualified name without enclosing functions."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2]


def _place_of(function: Any) -> dict[str, Any]:
    """``code.*`` attributes of a function, as far as they are known."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    module = getattr(function, "__module__", None)
    attributes: dict[str, Any] = {
        "code.function.name": f"{module}.{name}" if isinstance(module, str) else name
    }
    code = getattr(function, "__code__", None)
    if code is not None:
        attributes["code.file.path"] = code.co_filename
        attributes["code.line.number"] = code.co_firstlineno
    return attributes
