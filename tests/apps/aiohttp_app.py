"""A shop on aiohttp, server and client, with asynchronous redis."""

from __future__ import annotations

import aiohttp
import places
import redis.asyncio
from aiohttp import web


async def order(request: web.Request) -> web.Response:
    """A request that asks a cache and another service."""
    number = int(request.match_info["number"])
    cache = redis.asyncio.Redis(port=places.REDIS_PORT)
    await cache.set(f"order:{number}", number + 1)
    found = await cache.get(f"order:{number}")
    await cache.aclose()
    async with aiohttp.ClientSession() as client:
        async with client.get(f"{places.NEIGHBOUR}/stock") as stock:
            status = stock.status
    return web.json_response({"found": int(found), "stock": status})


async def fail(request: web.Request) -> web.Response:
    """A request that breaks."""
    raise ValueError("no stock")


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get("/orders/{number}", order), web.get("/fail", fail)])
    web.run_app(app, host="127.0.0.1", port=places.port(), print=None)
