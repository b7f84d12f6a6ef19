"""What the shop does. Each class is traced as a whole: a span for every public method."""

from __future__ import annotations

import logging
import random
import time
from typing import Any

import vaquero
from shop.database import SLOW_REPORT, Database

logger = logging.getLogger("shop")


class OutOfStockError(Exception):
    """There is less of it than somebody wants."""


class PaymentDeclinedError(Exception):
    """The bank said no."""


@vaquero.trace(agent_name="catalogue")
class Catalogue:
    """What is for sale."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[dict[str, Any]]:
        """Every product."""
        return [dict(row) for row in self._database.query("SELECT * FROM products")]

    def find(self, product_id: int) -> dict[str, Any] | None:
        """One product, None where there is no such."""
        rows = self._database.query("SELECT * FROM products WHERE id = ?", product_id)
        return dict(rows[0]) if rows else None

    def bestsellers(self) -> list[dict[str, Any]]:
        """What sells together; the slow query of this shop."""
        return [dict(row) for row in self._database.query(SLOW_REPORT)]


@vaquero.trace(agent_name="payments")
class Payments:
    """A bank that takes its time, and declines one payment in twelve."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def charge(self, amount: float) -> None:
        """Take the money.

        Raises:
            PaymentDeclinedError: The bank declined.
        """
        time.sleep(self._chance.uniform(0.005, 0.03))
        if self._chance.random() < 1 / 12:
            raise PaymentDeclinedError(f"the bank declined {amount:.2f}")


@vaquero.trace(agent_name="orders")
class Orders:
    """Selling."""

    def __init__(self, database: Database, catalogue: Catalogue, payments: Payments) -> None:
        self._database = database
        self._catalogue = catalogue
        self._payments = payments

    def place(self, product_id: int, amount: int) -> dict[str, Any]:
        """Sell so many of one product.

        Raises:
            OutOfStockError: There are not so many, or there is no such product.
            PaymentDeclinedError: The bank declined.
        """
        product = self._catalogue.find(product_id)
        if product is None or product["stock"] < amount:
            raise OutOfStockError(f"not enough of product {product_id}")
        vaquero.get_current_span().set_attribute("shop.order.amount", amount)
        self._payments.charge(product["price"] * amount)
        self._database.query(
            "UPDATE products SET stock = stock - ? WHERE id = ?", amount, product_id
        )
        self._database.query(
            "INSERT INTO orders (product_id, amount, paid) VALUES (?, ?, 1)", product_id, amount
        )
        logger.info("sold %d of %s", amount, product["name"])
        return {"product": product["name"], "amount": amount}


@vaquero.trace(agent_name="mail")
class Mail:
    """Receipts, sent after the customer has the answer."""

    async def send_receipt(self, order: dict[str, Any]) -> None:
        """Pretend to send a mail."""
        import asyncio

        await asyncio.sleep(0.02)
        logger.info("receipt for %s sent", order["product"])
