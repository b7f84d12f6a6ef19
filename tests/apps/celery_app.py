"""A shop whose orders are shipped by a Celery worker: Redis as the broker, psycopg in the task.

``python celery_app.py PORT`` serves the shop; ``celery -A celery_app worker`` ships.
"""

from __future__ import annotations

import places
import psycopg
from celery import Celery
from flask import Flask

celery = Celery(
    "shop",
    broker=f"redis://127.0.0.1:{places.REDIS_PORT}/0",
    backend=f"redis://127.0.0.1:{places.REDIS_PORT}/1",
)
celery.conf.worker_hijack_root_logger = False
celery.conf.broker_connection_retry_on_startup = True

app = Flask(__name__)


@celery.task(name="shop.ship")
def ship(number: int) -> int:
    """Ship an order; there is none below zero."""
    if number < 0:
        raise ValueError("no such order")
    with psycopg.connect(places.POSTGRES) as connection:
        row = connection.execute("SELECT %s::int + 1", (number,)).fetchone()
    return row[0] if row else 0


@app.get("/orders/<int:number>")
def order(number: int) -> dict[str, object]:
    """A request that has a task done, and waits for it."""
    return {"found": ship.delay(number).get(timeout=30)}


@app.get("/fail")
def fail() -> dict[str, object]:
    """A request whose task breaks."""
    ship.delay(-1).get(timeout=30)
    return {}


if __name__ == "__main__":
    app.run(port=places.port(), threaded=True)
