"""The shop's addresses."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import JSONResponse

import vaquero
from shop.database import Database, default_path
from shop.server_span import ServerSpan
from shop.services import Catalogue, Mail, Orders, OutOfStockError, PaymentDeclinedError, Payments

database = Database(default_path())
catalogue = Catalogue(database)
orders = Orders(database, catalogue, Payments(random.Random(7)))
mail = Mail()


@vaquero.trace(agent_name="stock")
class StockTaker:
    """Counts what is left, over and over: work that belongs to no request."""

    def count(self) -> int:
        """Pieces in stock."""
        return sum(product["stock"] for product in catalogue.all())


async def _take_stock() -> None:
    taker = StockTaker()
    while True:
        await asyncio.to_thread(taker.count)
        await asyncio.sleep(2)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Fill the shop, and count its goods while it is open."""
    del app
    database.create()
    counting = asyncio.create_task(_take_stock())
    yield
    counting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await counting
    database.path.unlink(missing_ok=True)


app = FastAPI(title="shop", lifespan=lifespan)
app.add_middleware(ServerSpan)


@app.get("/products")
def products() -> list[dict[str, Any]]:
    """Everything for sale."""
    return catalogue.all()


@app.get("/products/{product_id}")
def product(product_id: int) -> dict[str, Any]:
    """One product, 404 where there is no such."""
    found = catalogue.find(product_id)
    if found is None:
        raise HTTPException(404, f"no product {product_id}")
    return found


@app.post("/orders", status_code=201)
def place_order(product_id: int, amount: int, later: BackgroundTasks) -> dict[str, Any]:
    """Sell; the receipt is sent when the customer has the answer."""
    order = orders.place(product_id, amount)
    later.add_task(mail.send_receipt, order)
    return order


@app.get("/reports/bestsellers")
def bestsellers() -> list[dict[str, Any]]:
    """What sells together: slow."""
    return catalogue.bestsellers()


@app.exception_handler(OutOfStockError)
def _out_of_stock(request: Any, error: OutOfStockError) -> JSONResponse:
    del request
    return JSONResponse({"detail": str(error)}, 409)


@app.exception_handler(PaymentDeclinedError)
def _declined(request: Any, error: PaymentDeclinedError) -> JSONResponse:
    del request
    return JSONResponse({"detail": str(error)}, 502)
