"""The current context: by its variable, and where ``OTEL_PYTHON_CONTEXT`` keeps it elsewhere."""

from __future__ import annotations

import contextvars
import importlib.util
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace as trace_api
from opentelemetry.context import Context

from vaquero import _context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


class Elsewhere:
    """A context that is kept in an attribute, with tokens of its own; each detaches once."""

    class Token:
        """What attaching gives; holds the context before."""

        def __init__(self, before: Context) -> None:
            self.before: Context | None = before

    def __init__(self) -> None:
        self.now = Context()

    def attach(self, new: Context) -> Token:
        token, self.now = self.Token(self.now), new
        return token

    def get_current(self) -> Context:
        return self.now

    def detach(self, token: Token) -> None:
        if token.before is None:
            raise LookupError("a token that has been used")
        self.now, token.before = token.before, None


def _loaded() -> ModuleType:
    """The module as a process loads it."""
    spec = importlib.util.spec_from_file_location("context_under_test", _context.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["variable", "elsewhere"])
def context(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module over each way to keep a context."""
    if request.param == "elsewhere":
        monkeypatch.setattr(context_api, "_RUNTIME_CONTEXT", Elsewhere())
    module = _loaded()
    assert (module._variable is None) == (request.param == "elsewhere")
    before = context_api.get_current()
    yield module
    assert context_api.get_current() == before


def test_the_public_api_sees_what_is_attached(context: Any) -> None:
    """What is attached is current for OpenTelemetry's API, and what the API attaches here."""
    token = context.attach(Context({"a": 1}))
    assert context_api.get_current() == context.get_current() == {"a": 1}
    inner = context_api.attach(Context({"a": 2}))
    assert context.get_current() == {"a": 2}
    context.detach(inner)
    assert context_api.get_current() == {"a": 1}
    context.detach(token)


def test_a_token_is_used_once(context: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A second detach raises, unlike the API's, which logs an error; the quiet one does neither."""
    caplog.set_level(logging.DEBUG)
    token = context.attach(Context({"a": 1}))
    context.detach(token)
    with pytest.raises((RuntimeError, LookupError)):
        context.detach(token)
    context.detach_quietly(token)

    assert caplog.text == ""


def test_a_token_of_another_context_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """A block entered in another ``contextvars.Context`` is left silently, changing nothing."""
    caplog.set_level(logging.DEBUG)
    token = contextvars.copy_context().run(_context.attach, Context({"a": 1}))
    with pytest.raises(ValueError, match="different Context"):
        _context.detach(token)
    before = _context.get_current()
    _context.detach_quietly(token)

    assert _context.get_current() is before
    assert caplog.text == ""


@pytest.mark.parametrize("base", [Context(), Context({"baggage": "b"})])
def test_a_span_is_added_as_the_api_adds_it(base: Context) -> None:
    """A context with a span equals the API's, and the context it is made from stays as it is."""
    span = trace_api.NonRecordingSpan(trace_api.INVALID_SPAN_CONTEXT)
    before = dict(base)
    made = _context.with_span(base, span)

    assert made == trace_api.set_span_in_context(span, base)
    assert trace_api.get_current_span(made) is span
    assert dict(base) == before
