"""Decorated functions work in libraries that look at functions closely."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest

import vaquero

from .conftest import Spans

try:
    from fastapi import Depends, FastAPI
    from pydantic import BaseModel, field_validator
except ImportError:
    pytest.skip("fastapi is not installed", allow_module_level=True)


class Order(BaseModel):
    """The body of a request; its validator is traced."""

    number: int
    note: str = ""

    @field_validator("note")
    @classmethod
    @vaquero.trace("validate note")
    def tidy(cls, value: str) -> str:
        """Strip it."""
        return value.strip()


@vaquero.trace
def settings(limit: int = 10) -> int:
    """A dependency with a query parameter."""
    return limit


@vaquero.trace
async def session() -> AsyncIterator[str]:
    """A dependency that is closed after the response."""
    yield "session"


@vaquero.trace
def connection() -> Iterator[str]:
    """A synchronous dependency that is closed after the response."""
    yield "connection"


@vaquero.trace(agent_name="dependency")
class Pages:
    """A class that is a dependency, with parameters in its constructor."""

    def __init__(self, page: int = 1) -> None:
        """Take the page from the query."""
        self.page = page

    def offset(self) -> int:
        """Where the page begins."""
        return self.page * 10


def _app() -> FastAPI:
    app = FastAPI()

    @app.post("/orders/{shop}")
    @vaquero.trace("create order")
    async def create(
        shop: str,
        order: Order,
        limit: Annotated[int, Depends(settings)],
        opened: Annotated[str, Depends(session)],
        connected: Annotated[str, Depends(connection)],
        pages: Annotated[Pages, Depends()],
    ) -> dict[str, Any]:
        return {
            "shop": shop,
            "number": order.number,
            "note": order.note,
            "limit": limit,
            "opened": opened,
            "connected": connected,
            "offset": pages.offset(),
        }

    @app.get("/sync")
    @vaquero.trace
    def sync(q: int = 1) -> int:
        return q

    return app


def test_fastapi_sees_routes_and_dependencies_as_they_are(spans: Spans) -> None:
    """Parameters of routes and dependencies of every kind come from signatures that stayed."""
    httpx = pytest.importorskip("httpx")

    async def ask() -> tuple[Any, ...]:
        transport = httpx.ASGITransport(app=_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return (
                await client.post("/orders/a?limit=5&page=3", json={"number": 7, "note": " x "}),
                await client.post("/orders/a", json={"number": "seven"}),
                await client.get("/sync?q=4"),
                await client.get("/openapi.json"),
            )

    answer, refused, got, described = asyncio.run(ask())

    assert answer.json() == {
        "shop": "a",
        "number": 7,
        "note": "x",
        "limit": 5,
        "opened": "session",
        "connected": "connection",
        "offset": 30,
    }
    assert refused.status_code == 422
    assert got.json() == 4
    parameters = described.json()["paths"]["/orders/{shop}"]["post"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {"shop", "limit", "page"}
    for name in ("validate note", "settings", "session", "connection", "create order", "sync"):
        assert name in spans.names()
    assert spans.parent_of("dependency.offset") == "create order"


def test_click_sees_options_and_arguments(spans: Spans, silence: None) -> None:
    """A traced command has its options, wherever the decorator stands among them."""
    click = pytest.importorskip("click")
    from click.testing import CliRunner

    @click.command()
    @click.option("--count", default=1)
    @vaquero.trace("command")
    @click.argument("name")
    def hello(name: str, count: int) -> None:
        click.echo(f"hello {name} " * count)

    result = CliRunner().invoke(hello, ["you", "--count", "2"])

    assert result.output == "hello you hello you \n"
    assert spans.names() == ["command"]


def test_celery_takes_traced_tasks(spans: Spans) -> None:
    """A traced function is a task under its own name, with bind and retries working."""
    celery = pytest.importorskip("celery")
    app = celery.Celery("app", broker="memory://", set_as_current=False)
    app.conf.task_always_eager = True

    @app.task
    @vaquero.trace("add")
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @app.task(bind=True, max_retries=2)
    @vaquero.trace("bound")
    def bound(self: Any, n: int) -> int:
        if self.request.retries < n:
            raise self.retry(countdown=0)
        return n

    assert add.delay(1, 2).get() == 3
    assert add.name.endswith(".add")
    assert add.__doc__ == "Add."
    with pytest.raises(TypeError):
        add.apply_async(args=(1, 2, 3)).get()
    assert bound.delay(1).get() == 1
    assert "add" in spans.names()
    assert spans.names().count("bound") == 2


@pytest.fixture
@vaquero.trace("simple fixture")
def simple() -> int:
    """A fixture that returns."""
    return 3


@pytest.fixture
@vaquero.trace("yielding fixture")
def yielding(spans: Spans, simple: int) -> Iterator[int]:
    """A fixture with parameters that yields."""
    yield simple + 1


@vaquero.trace
@pytest.mark.parametrize("number", [5])
def test_pytest_takes_traced_fixtures_and_tests(spans: Spans, yielding: int, number: int) -> None:
    """Traced fixtures get their parameters, and a traced test its own."""
    assert (yielding, number) == (4, 5)
    assert vaquero.get_current_span()


def test_functools_takes_traced_functions(spans: Spans, silence: None) -> None:
    """Dispatch, reduction and comparison by traced functions work."""

    @functools.singledispatch
    @vaquero.trace("default")
    def kind(value: object) -> str:
        return "object"

    @kind.register
    @vaquero.trace("for int")
    def _(value: int) -> str:
        return "int"

    @vaquero.trace("compare")
    def compare(a: int, b: int) -> int:
        return b - a

    assert (kind("a"), kind(1)) == ("object", "int")
    assert sorted([1, 3, 2], key=functools.cmp_to_key(compare)) == [3, 2, 1]
    assert spans.names()[:2] == ["default", "for int"]
