"""A shop on Flask: SQLAlchemy over psycopg on PostgreSQL, redis, requests."""

from __future__ import annotations

import places
import redis
import requests
from flask import Flask, abort
from sqlalchemy import create_engine, text

app = Flask(__name__)
engine = create_engine(places.POSTGRES.replace("postgresql:", "postgresql+psycopg:", 1))
cache = redis.Redis(port=places.REDIS_PORT)


@app.get("/orders/<int:number>")
def order(number: int) -> dict[str, object]:
    """A request that asks a database, a cache and another service."""
    with engine.connect() as connection:
        found = connection.execute(text("SELECT :n + 1"), {"n": number}).scalar_one()
    cache.set(f"order:{number}", str(found))
    kept = cache.get(f"order:{number}")
    stock = requests.get(f"{places.NEIGHBOUR}/stock", timeout=10)
    return {"found": found, "kept": int(kept or 0), "stock": stock.status_code}


@app.get("/fail")
def fail() -> str:
    """A request that breaks."""
    raise ValueError("no stock")


@app.get("/teapot")
def teapot() -> str:
    """A request that is refused."""
    abort(418)


if __name__ == "__main__":
    app.run(port=places.port(), threaded=True)
