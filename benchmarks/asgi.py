"""An ASGI application behind the contrib middleware, called in process by eight clients."""

from __future__ import annotations

import asyncio
import time
from typing import Any

CLIENTS = 8

SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/orders/31",
    "raw_path": b"/orders/31",
    "query_string": b"page=2",
    "root_path": "",
    "headers": [
        (b"host", b"shop.example.com"),
        (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
        (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ],
    "client": ("192.0.2.17", 40000),
    "server": ("127.0.0.1", 8000),
}


async def _application(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def drive(requests: int, middleware: bool, flush: Any) -> dict[str, float]:
    """Requests a second, their 99th percentile, and the process's CPU for each of them."""
    application: Any = _application
    if middleware:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        application = OpenTelemetryMiddleware(_application)
    flush()
    latencies_ms: list[float] = []
    begun, begun_at = time.process_time(), time.perf_counter()
    asyncio.run(_clients(application, requests, latencies_ms))
    lasted = time.perf_counter() - begun_at
    flush()
    took = time.process_time() - begun
    latencies_ms.sort()
    return {
        "us": took / requests * 1e6,
        "per_s": requests / lasted,
        "p99_ms": latencies_ms[int(len(latencies_ms) * 0.99)],
    }


async def _clients(application: Any, requests: int, latencies_ms: list[float]) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        pass

    async def client() -> None:
        for _ in range(requests // CLIENTS):
            begun = time.perf_counter()
            await application(dict(SCOPE), receive, send)
            latencies_ms.append((time.perf_counter() - begun) * 1000)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
