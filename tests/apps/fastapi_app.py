"""A shop on FastAPI: asynchronous psycopg on PostgreSQL, and httpx."""

from __future__ import annotations

import httpx
import places
import psycopg
import uvicorn
from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/orders/{number}")
async def order(number: int) -> dict[str, object]:
    """A request that asks a database and another service."""
    async with await psycopg.AsyncConnection.connect(places.POSTGRES) as connection:
        cursor = await connection.execute("SELECT %s::int + 1", (number,))
        row = await cursor.fetchone()
    async with httpx.AsyncClient() as client:
        stock = await client.get(f"{places.NEIGHBOUR}/stock")
    return {"found": row and row[0], "stock": stock.status_code}


@app.get("/fail")
async def fail() -> str:
    """A request that breaks."""
    raise ValueError("no stock")


@app.get("/teapot")
async def teapot() -> str:
    """A request that is refused."""
    raise HTTPException(418)


if __name__ == "__main__":
    uvicorn.run(app, port=places.port(), log_level="warning")
