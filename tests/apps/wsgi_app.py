"""A shop on plain WSGI, without a framework: sqlite3, urllib3, and a gRPC service.

``python wsgi_app.py PORT`` serves it by wsgiref; ``gunicorn wsgi_app:app`` would too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.simple_server import make_server

import grpc
import places
import urllib3

METHOD = "/shop.Stock/Count"

http = urllib3.PoolManager()


def serve_stock() -> int:
    """Start a gRPC server of this process; the port that it has."""
    server = grpc.server(ThreadPoolExecutor(1))
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("shop.Stock", {"Count": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    running.append(server)
    return port


running: list[Any] = []
stock_port = serve_stock()


def order(number: int) -> dict[str, object]:
    """A request that asks a database, another service and a gRPC service."""
    connection = sqlite3.connect(":memory:")
    (found,) = connection.cursor().execute("SELECT ? + 1", (number,)).fetchone()
    connection.close()
    stock = http.request("GET", f"{places.NEIGHBOUR}/stock", timeout=10)
    with grpc.insecure_channel(f"127.0.0.1:{stock_port}") as channel:
        count = channel.unary_unary(METHOD)(str(number).encode())
    return {"found": found, "stock": stock.status, "count": int(count)}


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The application."""
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise ValueError("no stock")
    if not path.startswith("/orders/"):
        start_response("404 Not Found", [])
        return [b""]
    body = json.dumps(order(int(path.rpartition("/")[2]))).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


if __name__ == "__main__":
    make_server("127.0.0.1", places.port(), app).serve_forever()
