"""SQLite behind one traced class: each statement is a span."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import vaquero

PRODUCTS = (
    ("saddle", 249.0, 40),
    ("lasso", 19.5, 400),
    ("boots", 129.0, 120),
    ("hat", 59.0, 200),
    ("spurs", 35.0, 0),
)

# Every order against every other: what a report looks like before somebody adds an index.
SLOW_REPORT = """
    SELECT p.name, COUNT(*) AS pairs
    FROM history a JOIN history b ON a.amount + b.amount > 90
    JOIN products p ON p.id = a.product_id
    GROUP BY p.name ORDER BY pairs DESC
"""


def default_path() -> Path:
    """``SHOP_DATABASE``, else a file of this process in the folder for temporary files."""
    return Path(
        os.environ.get("SHOP_DATABASE") or Path(tempfile.gettempdir()) / f"shop-{os.getpid()}.db"
    )


class Database:
    """One file; a connection for each statement, so that any thread may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the tables anew, with goods in stock and a history of sales."""
        self.path.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executescript(
                """
                CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price REAL, stock INT);
                CREATE TABLE orders (id INTEGER PRIMARY KEY, product_id INT, amount INT, paid INT);
                CREATE TABLE history (id INTEGER PRIMARY KEY, product_id INT, amount INT);
                """
            )
            connection.executemany(
                "INSERT INTO products (name, price, stock) VALUES (?, ?, ?)", PRODUCTS
            )
            connection.executemany(
                "INSERT INTO history (product_id, amount) VALUES (?, ?)",
                [(number % len(PRODUCTS) + 1, number * 7 % 100) for number in range(900)],
            )

    def query(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Run one statement in a span named as the conventions ask: operation and table."""
        with vaquero.span(_summary(sql)) as span:
            span.set_attributes(
                {
                    "db.system.name": "sqlite",
                    "db.query.text": " ".join(sql.split()),
                    "db.query.summary": _summary(sql),
                }
            )
            with closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
                connection.row_factory = sqlite3.Row
                rows = connection.execute(sql, values).fetchall()
            span.set_attribute("db.response.returned_rows", len(rows))
            return rows


def _summary(sql: str) -> str:
    words = sql.split()
    operation = words[0].upper()
    before = {"SELECT": "FROM", "INSERT": "INTO", "UPDATE": "UPDATE", "DELETE": "FROM"}[operation]
    return f"{operation} {words[words.index(before) + 1]}"
