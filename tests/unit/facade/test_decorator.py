"""``@vaquero.trace`` on functions of every kind."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
from typing import Any

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanKind, StatusCode

import vaquero
from vaquero import _guard
from vaquero.facade import decorator

from .conftest import Spans


@vaquero.trace
def plain(a: int, b: str = "x", *rest: int, key: bool = False, **more: Any) -> list[Any]:
    """What it does."""
    return [a, b, rest, key, more]


@vaquero.trace(agent_name="agent")
async def coroutine(a: int) -> int:
    """Wait, and give it back."""
    await asyncio.sleep(0)
    return a


def test_a_call_is_a_span_with_place_and_name(spans: Spans, silence: None) -> None:
    """The span has the function's name and says where the function stands."""
    assert plain(1, "y", 2, key=True, z=3) == [1, "y", (2,), True, {"z": 3}]

    attributes = spans.attributes("plain")
    assert attributes["code.function.name"] == f"{__name__}.plain"
    assert attributes["code.file.path"] == __file__
    assert attributes["code.line.number"] == inspect.unwrap(plain).__code__.co_firstlineno
    assert set(attributes) == {"code.function.name", "code.file.path", "code.line.number"}


def test_a_coroutine_is_a_span_until_it_returns(spans: Spans, silence: None) -> None:
    """The span of a coroutine covers its awaits, under the agent's name."""

    async def work() -> int:
        with vaquero.span("around"):
            return await coroutine(3)

    assert asyncio.run(work()) == 3
    assert spans.attributes("agent")["vaquero.agent.name"] == "agent"
    assert spans.parent_of("agent") == "around"


def test_all_forms_of_decoration(spans: Spans, silence: None) -> None:
    """Bare, with empty brackets, with a name, with keywords: all give a traced function."""

    @vaquero.trace()
    def empty() -> int:
        return 1

    @vaquero.trace("named")
    def named() -> int:
        return 2

    @vaquero.trace(name="own name", agent_name="agent", kind=SpanKind.CLIENT)
    def both() -> int:
        return 3

    assert (empty(), named(), both()) == (1, 2, 3)
    assert spans.names() == ["empty", "named", "own name"]
    assert spans.attributes("named")["vaquero.agent.name"] == "named"
    assert spans.attributes("own name")["vaquero.agent.name"] == "agent"
    assert spans.one("own name").kind is SpanKind.CLIENT


def test_static_attributes(spans: Spans, silence: None) -> None:
    """Tags, metadata, attributes and the prompt's parameters are on each span, and not shared."""

    @vaquero.trace(
        "a",
        tags={"team": 1},
        metadata={"v": [1]},
        attributes={"x": {"y": 1}},
        system_prompt="be kind",
        prompt_name="n",
        prompt_version="2",
        prompt_parameters={"t": 0.5},
    )
    def work(extra: str) -> None:
        vaquero.get_current_span().set_attribute("extra", extra)

    work("first")
    work("second")

    first, second = (dict(span.attributes or {}) for span in spans.all())
    assert first["extra"] == "first"
    assert second["extra"] == "second"
    assert first["vaquero.tag.team"] == "1"
    assert first["vaquero.metadata.v"] == (1,)
    assert first["gen_ai.system_instructions"] == "be kind"
    assert first["gen_ai.prompt.name"] == "n"
    assert first["vaquero.prompt.version"] == "2"
    assert first["vaquero.prompt.parameters"] == '{"t": 0.5}'


def test_nothing_changes_for_those_who_look(spans: Spans) -> None:
    """Signature, annotations, names, documentation, kind and pickling are the function's own."""
    original = inspect.unwrap(plain)

    assert original is not plain
    assert inspect.signature(plain) == inspect.signature(original)
    assert plain.__annotations__ == original.__annotations__
    assert plain.__doc__ == "What it does."
    assert plain.__module__ == __name__
    assert plain.__qualname__ == "plain"
    assert plain.__wrapped__ is original  # type: ignore[attr-defined]
    assert not inspect.iscoroutinefunction(plain)
    assert inspect.iscoroutinefunction(coroutine)
    assert not inspect.isgeneratorfunction(plain)


def test_functions_pickle_by_name() -> None:
    """A decorated function of a module pickles to itself, as any function does."""
    module = inspect.getmodule(inspect.unwrap(plain))
    assert module is not None
    import sys

    before = sys.modules.get(__name__)
    sys.modules[__name__] = module
    try:
        assert pickle.loads(pickle.dumps(plain)) is plain
    finally:
        if before is not None:
            sys.modules[__name__] = before


def test_exceptions_pass_unchanged(spans: Spans, silence: None) -> None:
    """The same exception comes out, and is on the span with type, text and traceback."""
    error = LookupError("gone")

    @vaquero.trace
    def work() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        work()

    assert caught.value is error
    span = spans.one("test_exceptions_pass_unchanged.<locals>.work".rpartition("<locals>.")[2])
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "LookupError: gone"
    assert [event.name for event in span.events] == ["exception"]


def test_errors_without_their_text(spans: Spans, silence: None) -> None:
    """With capture_errors=False only the class of the exception is kept."""

    @vaquero.trace(capture_errors=False)
    async def work() -> None:
        raise ValueError("secret")

    with pytest.raises(ValueError, match="secret"):
        asyncio.run(work())

    span = spans.one("work")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert span.events == ()
    assert spans.attributes("work")["error.type"] == "ValueError"


def test_a_cancelled_coroutine_is_marked(spans: Spans, silence: None) -> None:
    """Cancellation passes and is no error."""

    @vaquero.trace
    async def slow(started: asyncio.Event) -> None:
        started.set()
        await asyncio.Event().wait()

    async def work() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(slow(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())

    assert spans.attributes("slow")["vaquero.cancelled"] is True
    assert spans.one("slow").status.status_code is StatusCode.UNSET


def test_recursion_nests(spans: Spans, silence: None) -> None:
    """Each call of a recursion is a span under its caller's."""

    @vaquero.trace
    def down(n: int) -> int:
        return 0 if n == 0 else 1 + down(n - 1)

    assert down(3) == 3
    inmost, *outer = spans.all()
    assert [
        inmost.parent and inmost.parent.span_id,
        *[s.parent and s.parent.span_id for s in outer],
    ] == [
        *[s.context and s.context.span_id for s in outer],
        None,
    ]


def test_partials_and_callable_objects(spans: Spans, silence: None) -> None:
    """What can be called can be traced, and is named after what runs."""

    class Adder:
        def __init__(self, n: int) -> None:
            self.n = n

        def __call__(self, m: int) -> int:
            return self.n + m

    class AsyncAdder:
        async def __call__(self, m: int) -> int:
            return m

    def add(a: int, b: int) -> int:
        return a + b

    async def add_async(a: int, b: int) -> int:
        return a + b

    adder = vaquero.trace(Adder(1))
    later = vaquero.trace(AsyncAdder())
    partial = vaquero.trace(functools.partial(add, 1))
    partial_async = vaquero.trace("p")(functools.partial(add_async, 1))

    assert adder(2) == 3
    assert asyncio.run(later(4)) == 4  # type: ignore[arg-type]
    assert partial(2) == 3
    assert inspect.iscoroutinefunction(partial_async)
    assert asyncio.run(partial_async(2)) == 3
    assert str(inspect.signature(partial)) == "(b: 'int') -> 'int'"
    assert spans.names() == ["Adder.__call__", "AsyncAdder.__call__", "add", "p"]
    assert vaquero.trace(len)([1]) == 1


def test_caches_keep_their_methods(spans: Spans) -> None:
    """A cached function stays one: its statistics and its clearing are there."""

    @vaquero.trace
    @functools.lru_cache
    def work(a: int) -> int:
        return a

    work(1)
    work(1)

    assert work.cache_info().hits == 1
    work.cache_clear()
    assert spans.names() == ["work", "work"]


def test_an_unknown_parameter_is_said_with_the_nearest(caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt parameter is no exception: a warning names what was probably meant."""

    @vaquero.trace(agnet_name="a")  # type: ignore[call-overload]
    def work() -> int:
        return 1

    assert work() == 1
    assert "trace(agnet_name=...) is not known and has no effect; did you mean 'agent_name'?" in (
        caplog.text
    )


@pytest.mark.parametrize("bad", [7, "", b"x", {}])
def test_a_bad_name_is_said_and_replaced(
    spans: Spans, caplog: pytest.LogCaptureFixture, bad: Any
) -> None:
    """A name that is no text is replaced by the function's own."""

    @vaquero.trace(bad)
    def work() -> int:
        return 1

    assert work() == 1
    assert spans.names() == ["work"]
    assert "is invalid; valid: non-empty text; using" in caplog.text


def test_what_cannot_be_traced_is_given_back(caplog: pytest.LogCaptureFixture) -> None:
    """Decorating an object that cannot be called gives the object back, with a warning."""
    thing: Any = object()

    assert vaquero.trace("x")(thing) is thing
    assert "expected a function or a class" in caplog.text


def test_a_fault_of_ours_leaves_the_function(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Should tracing itself fail while decorating, the function is given back as it was."""

    def fail(*_: Any) -> Any:
        raise RuntimeError("ours")

    def work() -> int:
        return 1

    monkeypatch.setattr(_guard, "strict", False)
    monkeypatch.setattr(decorator, "SpanFactory", fail)

    assert vaquero.trace(work) is work
    assert "vaquero itself failed in tracing an object of type function" in caplog.text


def test_span_as_a_decorator(spans: Spans, silence: None) -> None:
    """``@vaquero.span`` traces each call with a span of its own."""

    @vaquero.span("s", a=1)
    def work(n: int) -> int:
        return n

    @vaquero.span("t")
    async def later() -> None:
        pass

    assert work(1) == 1
    work(2)
    asyncio.run(later())

    assert spans.names() == ["s", "s", "t"]
    assert dict(spans.all()[0].attributes or {})["a"] == 1
    assert inspect.iscoroutinefunction(later)


def test_the_function_may_end_its_span(spans: Spans, silence: None) -> None:
    """Finishing the current span inside the function is not undone nor warned of."""

    @vaquero.trace
    def work() -> None:
        vaquero.get_current_span().finish()

    work()

    assert spans.names() == ["work"]
    assert not trace_api.get_current_span().get_span_context().is_valid


def test_wrong_arguments_are_the_callers_error(spans: Spans) -> None:
    """A call with wrong arguments raises the function's own TypeError."""
    with pytest.raises(TypeError, match=r"plain\(\) missing 1 required positional argument"):
        plain()  # type: ignore[call-arg]
