"""What a type checker knows of ``vaquero.span`` and ``vaquero.trace``; checked, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, overload

from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanKind, Status
from typing_extensions import assert_type

import vaquero
from vaquero.compat.span import CompatSpan
from vaquero.facade.span import SpanScope


@vaquero.trace
def bare(a: int, *, b: str = "") -> float:
    return a + len(b)


@vaquero.trace()
def empty(a: int) -> float:
    return a


@vaquero.trace("name", tags={"a": 1}, capture_inputs=True, kind=SpanKind.CLIENT)
def named(a: int) -> float:
    return a


@vaquero.trace(agent_name="agent", include=["_private"], exclude="other")
async def coroutine(a: int) -> str:
    return str(a)


@vaquero.trace
def generator(n: int) -> Iterator[int]:
    yield n


@vaquero.trace
async def stream(n: int) -> AsyncIterator[int]:
    yield n


@overload
def many(a: int) -> int: ...
@overload
def many(a: str) -> str: ...
@vaquero.trace
def many(a: int | str) -> int | str:
    return a


@vaquero.trace(agent_name="service")
class Service:
    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, n: int) -> str:
        return self.name * n

    @vaquero.trace
    @classmethod
    def make(cls) -> Service:
        return cls("a")

    @staticmethod
    @vaquero.trace("static")
    def static(a: int) -> int:
        return a

    @vaquero.trace("title")
    @property
    def title(self) -> str:
        return self.name


@vaquero.span("decorated", a=1)
def decorated(a: int) -> bytes:
    return bytes(a)


def functions() -> None:
    assert_type(bare(1, b="x"), float)
    assert_type(empty(1), float)
    assert_type(named(1), float)
    assert_type(coroutine(1), Coroutine[Any, Any, str])
    assert_type(generator(1), Iterator[int])
    assert_type(stream(1), AsyncIterator[int])
    assert_type(many(1), int)
    assert_type(many("a"), str)
    assert_type(decorated(1), bytes)
    bare("1")  # type: ignore[arg-type]
    named()  # type: ignore[call-arg]
    vaquero.trace(unknown=1)  # type: ignore[call-overload]
    callback: Callable[[int], float] = empty
    assert_type(functools.partial(callback, 1)(), float)


def classes() -> None:
    service = Service("a")
    assert_type(service, Service)
    assert_type(service.run(1), str)
    assert_type(Service.make(), Service)
    assert_type(Service.static(1), int)
    assert_type(service.title, str)
    service.run("1")  # type: ignore[arg-type]


async def blocks() -> None:
    with vaquero.span("s", {"a": object()}, tags={"t": 1}, items=3) as span:
        assert_type(span, CompatSpan)
        same: trace_api.Span = span
        span.set_attribute("a", {"b": None})
        span.set_tag("t", 1)
        span.input_tokens = 3
        assert_type(span.input_tokens, int)
        assert_type(span.model_name, "str | None")
        assert_type(span.duration_ms, "float | None")
        assert_type(span.trace_id, str)
        assert_type(span.status, Status)
        assert_type(span.to_dict(), dict[str, Any])
        span.record_exception(ValueError())
        trace_api.set_span_in_context(same)
    async with vaquero.span("s") as later:
        assert_type(later, CompatSpan)
    scope = vaquero.span("bare")
    assert_type(scope, SpanScope)
    scope.finish()


def current() -> None:
    assert_type(vaquero.get_current_span(), CompatSpan)
    assert_type(vaquero.get_current_trace_id(), "str | None")
    if vaquero.get_current_span():
        vaquero.get_current_span().set_error(ValueError())
