"""Which WSGI applications get a server span from us, and which have one already."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from vaquero.auto_instrumentation import switches, wsgi

ANSWER = [b"ok"]


def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An application without a framework."""
    return ANSWER


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """An application of the other kind."""


class Asgi:
    """An application of the other kind, as an object."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing."""


class Wrapped:
    """An application around another one, under a name that such have."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Hand on."""
        return self.app(environ, start_response)


def closed_over(inner: Any) -> Callable[..., Any]:
    """An application around another one, in a closure."""

    def application(environ: Any, start_response: Any) -> Any:
        return inner(environ, start_response)

    return application


@pytest.fixture
def flask_app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An application of a class of Flask's, whose instrumentation is loaded."""
    kind = type("Flask", (), {"__module__": "flask.app", "wsgi_app": plain, "__call__": plain})
    name = "opentelemetry.instrumentation.flask"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    return kind()


@pytest.mark.parametrize(
    "application", [plain, Wrapped(plain), closed_over(plain), functools.partial(plain)]
)
def test_plain_applications_make_no_spans(application: Any) -> None:
    """Functions and what wraps them."""
    assert wsgi.makes_no_spans(application)


@pytest.mark.parametrize("application", [asgi, Asgi(), None, "shop:app"])
def test_what_is_no_application_of_ours(application: Any) -> None:
    """ASGI applications and other things are left as they are."""
    assert not wsgi.makes_no_spans(application)


def test_frameworks_make_their_own(flask_app: Any) -> None:
    """Found in whatever is around them."""
    for application in (
        flask_app,
        Wrapped(flask_app),
        Wrapped(flask_app.wsgi_app.__get__(flask_app)),
        closed_over(Wrapped(flask_app)),
        functools.partial(flask_app),
    ):
        assert not wsgi.makes_no_spans(application)


def test_a_framework_without_its_instrumentation(
    flask_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is a plain application, unless its spans were switched off."""
    monkeypatch.delitem(sys.modules, "opentelemetry.instrumentation.flask")
    assert wsgi.makes_no_spans(flask_app)
    monkeypatch.setattr(switches, "_read", switches.Switches(frozenset({"flask"})))
    assert not wsgi.makes_no_spans(flask_app)


def test_a_circle_ends() -> None:
    """Applications that hold each other."""
    first = Wrapped(None)
    first.app = Wrapped(first)
    assert wsgi.makes_no_spans(first)


def test_without_the_package_the_launcher_passes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The middleware is upstream's; where it is not installed nothing is put before anything."""
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.wsgi", None)
    with pytest.raises(ModuleNotFoundError):
        wsgi.WSGIInstrumentor()._instrument()


def test_switched_off_again_no_server_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is imported after `uninstrument` keeps its applications as they are."""
    for name, attributes in (
        ("opentelemetry.instrumentation.wsgi", {"OpenTelemetryMiddleware": object}),
        ("opentelemetry.util.http", {"get_excluded_urls": lambda name: None}),
    ):
        module = ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(wsgi, "_SERVERS", {"no_server_of_this_name": ("", "serve")})
    finders = list(sys.meta_path)
    instrumentor = wsgi.WSGIInstrumentor()
    instrumentor._instrument()
    assert sys.meta_path != finders or "import_hooks" in repr(finders)
    instrumentor._uninstrument()
    assert sys.meta_path == finders
