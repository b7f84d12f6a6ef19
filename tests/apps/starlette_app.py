"""A shop on Starlette: SQLAlchemy over sqlite3, asynchronous redis, and a gRPC service."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import places
import redis.asyncio
import uvicorn
from sqlalchemy import create_engine, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

METHOD = "/shop.Stock/Count"

engine = create_engine("sqlite://")


async def count(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
    """The gRPC service: as many as were asked for."""
    return request


@contextlib.asynccontextmanager
async def stock_service(app: Starlette) -> AsyncIterator[None]:
    """A gRPC server of this process, for as long as the application runs."""
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(count)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("shop.Stock", {"Count": handler})]
    )
    app.state.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield
    await server.stop(1)


async def order(request: Request) -> JSONResponse:
    """A request that asks a database, a cache and a gRPC service."""
    number = int(request.path_params["number"])
    with engine.connect() as connection:
        found = connection.execute(text("SELECT :n + 1"), {"n": number}).scalar_one()
    cache = redis.asyncio.Redis(port=places.REDIS_PORT)
    await cache.set(f"order:{number}", str(found))
    await cache.aclose()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{request.app.state.port}") as channel:
        stock = await channel.unary_unary(METHOD)(str(number).encode())
    return JSONResponse({"found": found, "stock": int(stock)})


async def fail(request: Request) -> JSONResponse:
    """A request that breaks."""
    raise ValueError("no stock")


app = Starlette(
    routes=[Route("/orders/{number}", order), Route("/fail", fail)], lifespan=stock_service
)

if __name__ == "__main__":
    uvicorn.run(app, port=places.port(), log_level="warning")
