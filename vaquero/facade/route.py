"""Which tracer the facade uses at this moment.

The way to the tracer is looked up once and used as long as the API's global provider and the SDK in
use are the same objects. So a provider that the application sets later is followed from the next
span on, and following it costs two comparisons.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import trace as trace_api
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER
from opentelemetry.trace import (
    Link,
    NoOpTracer,
    NoOpTracerProvider,
    Span,
    SpanKind,
)

from vaquero import _guard, _log, _runtime, values
from vaquero._upstream import tracer_place as place
from vaquero.facade.span_handle import adapted, narrow, takes_any_value
from vaquero.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context

#: The instrumentation scope of all spans of the facade.
SCOPE = "vaquero"


class TracerRoute:
    """The way to a tracer.

    Attributes:
        provider: The API's global provider for which this holds; None for none.
        sdk: The SDK in use for which this holds.
        begin: Starts a span: ``(name, attributes, kind, context, links, start_time, base)``.
            None where there is no tracer, or one that makes no spans.
        own_spans: Whether spans are of vaquero's class, with the methods of vaquero-sdk's span.
        closed: Whether vaquero was shut down then.
        inputs: Whether arguments are captured where a decorator does not say.
        outputs: Whether results are captured where a decorator does not say.
    """

    __slots__ = ("begin", "closed", "inputs", "own_spans", "outputs", "provider", "sdk")

    def __init__(self, provider: Any, sdk: Any, begin: Any, own_spans: bool) -> None:
        self.provider = provider
        self.sdk = sdk
        self.begin = begin
        self.own_spans = own_spans
        self.closed = _runtime._closed
        self.inputs = _setting(sdk, "capture_inputs")
        self.outputs = _setting(sdk, "capture_outputs")


def _setting(sdk: Any, name: str) -> bool:
    settings = getattr(sdk, "settings", None)
    try:
        return settings is not None and settings[name] is True
    except Exception:
        return False  # An SDK that somebody made, without our table of settings.


#: The last route found; :func:`current` says whether it still holds.
last: TracerRoute = TracerRoute(object(), None, None, False)


def current() -> TracerRoute:
    """The route that holds now; the first call starts the default SDK."""
    route = last
    if (
        route.provider is place._TRACER_PROVIDER
        and route.sdk is _runtime.sdk
        and (route.begin is not None or route.closed is _runtime._closed)
    ):
        return route
    return find()


def find() -> TracerRoute:
    """Look the route up again; never raises."""
    global last
    try:
        route = _found()
    except Exception as error:
        _guard.report(error, "finding a tracer")
        route = TracerRoute(place._TRACER_PROVIDER, _runtime.sdk, None, False)
    last = route
    return route


def _found() -> TracerRoute:
    if switched_off():
        return TracerRoute(place._TRACER_PROVIDER, _runtime.sdk, None, False)
    sdk = _started()
    provider = place._TRACER_PROVIDER
    if provider is None and OTEL_PYTHON_TRACER_PROVIDER in os.environ:
        provider = trace_api.get_tracer_provider()
    used = _used(provider, sdk)
    if used is None or isinstance(used, NoOpTracerProvider):
        return TracerRoute(provider, sdk, None, False)
    tracer = used.get_tracer(SCOPE, __version__)
    if isinstance(tracer, NoOpTracer):
        return TracerRoute(provider, sdk, None, False)
    if _is_ours(tracer, "vaquero.tracing.tracer"):
        return TracerRoute(provider, sdk, tracer.begin, True)
    return TracerRoute(provider, sdk, _begin_by(tracer), False)


def _started() -> Any:
    try:
        return _runtime.ensure_started()
    except Exception as error:
        _guard.report(error, "starting the SDK")
        return None


def _used(provider: Any, sdk: Any) -> Any:
    """The application's provider where it set one, else that of the SDK in use."""
    own = getattr(sdk, "tracer_provider", None)
    if provider is None or _is_ours(provider, "vaquero.tracing.provider"):
        # One of ours that stayed in the API's place after its shutdown has a successor.
        return own or provider
    return provider


def _is_ours(part: object, module: str) -> bool:
    return any(kind.__module__ == module for kind in type(part).__mro__)


def _begin_by(tracer: Any) -> Callable[..., Span]:
    """How a span starts on somebody else's tracer, with attributes that it takes."""
    sdk_made = any(kind.__module__ == "opentelemetry.sdk.trace" for kind in type(tracer).__mro__)
    adapt = values.freeze if sdk_made and takes_any_value() else narrow

    def begin(
        name: str,
        attributes: Mapping[str, object] | None,
        kind: SpanKind,
        context: Context | None,
        links: Sequence[Link] | None,
        start_time: int | None,
        base: Context | None = None,
    ) -> Span:
        return tracer.start_span(
            name,
            context=context,
            kind=kind,
            attributes=adapted(attributes, adapt) if attributes else None,
            links=_usable(links) if links else (),
            start_time=start_time,
        )

    return begin


def _usable(links: Sequence[Link]) -> list[Link]:
    """The links among what was given as links; logs a warning where it is something else."""
    try:
        usable = [link for link in links if isinstance(cast("object", link), Link)]
        if len(usable) == len(links):
            return usable
    except TypeError:
        usable = []
    _log.warn(
        "span:links",
        "links=%.100r (from argument) is invalid; valid: opentelemetry.trace.Link objects; "
        "using those among them.",
        values.freeze(links),
    )
    return usable


_off: bool | None = None


def switched_off() -> bool:
    """Whether ``OTEL_SDK_DISABLED`` is true; read once."""
    global _off
    if _off is None:
        _off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return _off


def forget() -> None:
    """Look everything up again at the next span, the environment included (for tests)."""
    global _off, last
    _off = None
    last = TracerRoute(object(), None, None, False)
