"""What is done with spans: each workload makes ``count`` of them on a tracer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

Workload: TypeAlias = Callable[[Any, int], None]

#: The module ``vaquero`` in a process that measures it.
facade_module: Any = None

FIVE: dict[str, Any] = {
    "http.request.method": "GET",
    "http.route": "/orders/{id}",
    "http.response.status_code": 200,
    "order.express": True,
    "order.total": 12.5,
}
TEN: dict[str, Any] = {
    "http.request.method": "GET",
    "url.full": "https://shop.example.com/orders/31?expand=items&page=2",
    "url.path": "/orders/31",
    "http.route": "/orders/{id}",
    "http.response.status_code": 200,
    "server.address": "shop.example.com",
    "server.port": 443,
    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0",
    "client.address": "192.0.2.17",
    "db.query.text": "SELECT id, name FROM orders WHERE id = ? AND status = 'open' LIMIT 10",
}
TWENTY: dict[str, Any] = {f"app.attribute.{number}": f"value {number}" for number in range(20)}


#: Kept, because making an event loop costs more than many spans.
_loop: asyncio.AbstractEventLoop | None = None


def _run(work: Coroutine[Any, Any, None]) -> None:
    global _loop
    if _loop is None:
        _loop = asyncio.new_event_loop()
    _loop.run_until_complete(work)


def empty(tracer: Any, count: int) -> None:
    """Spans without anything."""
    for _ in range(count):
        with tracer.start_as_current_span("work"):
            pass


def _with(attributes: dict[str, Any]) -> Workload:
    def attributed(tracer: Any, count: int) -> None:
        for _ in range(count):
            with tracer.start_as_current_span("work", attributes=attributes):
                pass

    return attributed


def set_later(tracer: Any, count: int) -> None:
    """Five attributes, set one by one."""
    for _ in range(count):
        with tracer.start_as_current_span("work") as span:
            for key, value in FIVE.items():
                span.set_attribute(key, value)


def nested(tracer: Any, count: int) -> None:
    """Five deep."""
    open_span = tracer.start_as_current_span
    for _ in range(count // 5):
        with open_span("1"), open_span("2"), open_span("3"), open_span("4"), open_span("5"):
            pass


def decorated(tracer: Any, count: int) -> None:
    """Calls of a decorated function."""

    @tracer.start_as_current_span("work")
    def work() -> None:
        pass

    for _ in range(count):
        work()


def decorated_async(tracer: Any, count: int) -> None:
    """Calls of a decorated coroutine function."""

    @tracer.start_as_current_span("work")
    async def work() -> None:
        pass

    async def all_of_them() -> None:
        for _ in range(count):
            await work()

    _run(all_of_them())


def tasks(tracer: Any, count: int) -> None:
    """One task for each span, a hundred at a time."""

    async def work() -> None:
        with tracer.start_as_current_span("work"):
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        for _ in range(count // 100):
            await asyncio.gather(*(work() for _ in range(100)))

    _run(all_of_them())


def events(tracer: Any, count: int) -> None:
    """One event with two attributes in each span."""
    for _ in range(count):
        with tracer.start_as_current_span("work") as span:
            span.add_event("retry", {"attempt": 1, "reason": "timeout"})


def exceptions(tracer: Any, count: int) -> None:
    """An exception leaves each span."""
    for _ in range(count):
        try:
            with tracer.start_as_current_span("work"):
                raise ValueError("no such order")
        except ValueError:
            pass


def in_threads(number: int) -> Workload:
    """The spans of :func:`_with` five attributes, made by this many threads at once."""

    def threaded(tracer: Any, count: int) -> None:
        made = _with(FIVE)
        threads = [
            threading.Thread(target=made, args=(tracer, count // number)) for _ in range(number)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return threaded


def facade(tracer: Any, count: int) -> None:
    """``with vaquero.span`` with five attributes; on others what comes nearest to it."""
    if facade_module is None:
        _with(FIVE)(tracer, count)
        return
    open_span = facade_module.span
    for _ in range(count):
        with open_span("work", FIVE):
            pass


def facade_decorated(tracer: Any, count: int) -> None:
    """Calls of a function under ``@vaquero.trace``; on others what comes nearest to it."""
    if facade_module is None:
        decorated(tracer, count)
        return

    @facade_module.trace
    def work() -> None:
        pass

    for _ in range(count):
        work()


WORKLOADS: dict[str, Workload] = {
    "empty": empty,
    "5 attributes": _with(FIVE),
    "10 realistic attributes": _with(TEN),
    "20 attributes": _with(TWENTY),
    "5 attributes, set one by one": set_later,
    "nested, 5 deep": nested,
    "decorated, sync": decorated,
    "decorated, async": decorated_async,
    "vaquero.span": facade,
    "@vaquero.trace": facade_decorated,
    "asyncio tasks": tasks,
    "1 event": events,
    "1 exception": exceptions,
    **{f"{number} threads": in_threads(number) for number in (1, 4, 16)},
}
