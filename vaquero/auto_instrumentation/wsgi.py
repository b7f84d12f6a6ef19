"""Server spans for WSGI programs that use no framework with an instrumentation of its own.

Upstream has a middleware for these but nothing that puts it in place: a program under
``opentelemetry-instrument`` gets no server span. Here the servers that run applications hand theirs
through the middleware, which is that of ``opentelemetry-instrumentation-wsgi``.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.instrumentation.utils import unwrap
from vaquero_instrumentation_common.import_hooks import when_imported

from vaquero import _guard
from vaquero.auto_instrumentation import switches

if TYPE_CHECKING:
    from types import ModuleType

    from opentelemetry.trace import Span

NAME = "wsgi"

#: Modules of servers, and how each takes an application.
_SERVERS = {
    "wsgiref.simple_server": ("WSGIServer", "set_app"),
    "gunicorn.app.base": ("BaseApplication", "wsgi"),
    "waitress.server": ("", "create_server"),
}

#: Frameworks whose own instrumentation makes the server span.
_FRAMEWORKS = frozenset({"flask", "django", "falcon", "pyramid"})

_MIDDLEWARE = "opentelemetry.instrumentation.wsgi"

#: Under these names applications that wrap another one keep it.
_INNER = ("app", "application", "wsgi_app", "wsgi", "_app", "_application")

_MAX_DEPTH = 8


class WSGIInstrumentor(BaseInstrumentor):
    """Puts the middleware before plain applications of wsgiref, gunicorn and waitress."""

    _cancels: Sequence[Callable[[], None]] = ()

    def instrumentation_dependencies(self) -> Collection[str]:
        """Nothing: servers are looked at when they are imported."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # Raises ModuleNotFoundError where the package is not installed: the launcher passes over.
        kind: Callable[..., Any] = import_module(_MIDDLEWARE).OpenTelemetryMiddleware
        excluded_urls: Any = import_module("opentelemetry.util.http").get_excluded_urls("WSGI")

        providers = {
            name: kwargs[name] for name in ("tracer_provider", "meter_provider") if name in kwargs
        }
        middleware = functools.partial(kind, request_hook=_complete_span, **providers)
        wrap = functools.partial(_Traced, middleware=middleware, excluded=excluded_urls)
        self._cancels = [
            when_imported(
                module, functools.partial(_hook, owner=owner, function=function, wrap=wrap)
            )
            for module, (owner, function) in _SERVERS.items()
        ]

    def _uninstrument(self, **kwargs: Any) -> None:
        del kwargs
        for cancel in self._cancels:
            cancel()
        for name, (owner, function) in _SERVERS.items():
            module = sys.modules.get(name)
            if module is not None:
                unwrap(getattr(module, owner) if owner else module, function)


class _Traced:
    """An application behind the middleware; whatever else is asked of it, the application answers.

    Args:
        application: The WSGI application.
        middleware: Makes the application that makes spans.
        excluded: Knows the URLs that make none.
    """

    def __init__(self, application: Any, middleware: Callable[[Any], Any], excluded: Any) -> None:
        self._application = application
        self._excluded = excluded
        self._traced = middleware(application)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self._excluded.url_disabled(str(environ.get("PATH_INFO", ""))):
            return self._application(environ, start_response)
        return self._traced(environ, start_response)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._application, name)


def _hook(module: ModuleType, *, owner: str, function: str, wrap: Callable[[Any], Any]) -> None:
    wrapper = (
        functools.partial(_wrap_result, wrap=wrap) if function == "wsgi" else _wrap_argument(wrap)
    )
    wrapt.wrap_function_wrapper(module, f"{owner}.{function}".lstrip("."), wrapper)


def _wrap_argument(wrap: Callable[[Any], Any]) -> Callable[..., Any]:
    """A wrapper for a function whose first argument is the application."""

    def wrapper(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        del instance
        if args:
            args = (_with_middleware(args[0], wrap), *args[1:])
        elif "application" in kwargs:
            kwargs = {**kwargs, "application": _with_middleware(kwargs["application"], wrap)}
        return wrapped(*args, **kwargs)

    return wrapper


def _wrap_result(
    wrapped: Any,
    instance: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wrap: Callable[[Any], Any],
) -> Any:
    """A wrapper for a function that gives the application, each time it is asked."""
    application = wrapped(*args, **kwargs)
    known = getattr(instance, "_vaquero_traced", None)
    if known is None or known[0] is not application:
        known = (application, _with_middleware(application, wrap))
        instance._vaquero_traced = known
    return known[1]


@_guard.quiet(None)
def _traced(application: Any, wrap: Callable[[Any], Any]) -> Any:
    return wrap(application) if makes_no_spans(application) else None


def _with_middleware(application: Any, wrap: Callable[[Any], Any]) -> Any:
    traced = _traced(application, wrap)
    return application if traced is None else traced


def makes_no_spans(application: Any) -> bool:
    """Whether nothing inside of an application makes server spans already.

    An ASGI application is not handled here, and where a framework's instrumentation was switched
    off, its spans are not wanted by another way.
    """
    if not callable(application) or _is_asynchronous(application):
        return False
    for part in _parts(application):
        for kind in type(part).__mro__:
            if kind.__module__ == _MIDDLEWARE or isinstance(part, _Traced):
                return False
            framework = kind.__module__.partition(".")[0]
            if framework in _FRAMEWORKS and _left_to_instrumentation(framework):
                return False
    return True


def _left_to_instrumentation(framework: str) -> bool:
    loaded = f"opentelemetry.instrumentation.{framework}" in sys.modules
    return loaded or switches.off_by(framework) is not None


def _is_asynchronous(application: Any) -> bool:
    call: Any = getattr(application, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call)


def _parts(application: Any) -> Iterator[Any]:
    """An application and those that it wraps."""
    waiting, seen = [(application, 0)], set[int]()
    while waiting:
        part, depth = waiting.pop()
        if part is None or id(part) in seen or depth > _MAX_DEPTH:
            continue
        seen.add(id(part))
        yield part
        held = getattr(part, "__dict__", {})
        inner = [held.get(name) for name in _INNER]
        inner += [getattr(part, "__self__", None), getattr(part, "func", None)]
        inner += [_content(cell) for cell in getattr(part, "__closure__", None) or ()]
        waiting.extend((one, depth + 1) for one in inner if callable(one))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # A cell that was not filled yet.
        return None


@_guard.quiet(None)
def _complete_span(span: Span, environ: dict[str, Any]) -> None:
    """Take the path out of the name, where it has no bound, to where the conventions have it."""
    name: Any = getattr(span, "name", "HTTP")  # A span that does not record has none.
    span.update_name(str(name).partition(" ")[0])
    # The middleware finds the path only in variables that wsgiref does not set.
    if "RAW_URI" not in environ and "REQUEST_URI" not in environ and switches.current("http"):
        span.set_attribute("url.path", f"{environ.get('SCRIPT_NAME', '')}{environ['PATH_INFO']}")
