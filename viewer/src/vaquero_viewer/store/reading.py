"""What all queries share: a cursor of their own, and small conversions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vaquero_viewer.store import schema
from vaquero_viewer.store.opening import Database

STORE = schema.CATALOG


class Reader:
    """Runs queries beside the writer: each on a cursor of its own, from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of the answer."""
        with self._database.connection.cursor() as cursor:
            return cursor.execute(query, list(parameters)).fetchall()

    def row(self, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        """The one row of an aggregate."""
        return self.rows(query, parameters)[0]


class RowFilter:
    """The conditions of a query with their parameters; a value of ``None`` adds nothing."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.parameters: list[Any] = []

    def add(self, condition: str, value: Any) -> RowFilter:
        """Add a condition with one ``?`` in it."""
        if value is not None:
            self._conditions.append(condition)
            self.parameters.append(value)
        return self

    @property
    def where(self) -> str:
        """The clause, empty where there is no condition."""
        return "WHERE " + " AND ".join(self._conditions) if self._conditions else ""


def span_hex(span_id: int | None) -> str | None:
    """A span id as 16 hexadecimal digits."""
    return None if span_id is None else f"{span_id:016x}"


def trace_hex(trace_id: Any) -> str | None:
    """A trace id (DuckDB's ``UUID``) as 32 hexadecimal digits."""
    return None if trace_id is None else trace_id.hex


def is_trace_id(text: str) -> bool:
    """Whether ``text`` is 32 hexadecimal digits."""
    return len(text) == 32 and all(char in "0123456789abcdefABCDEF" for char in text)


def json_object(text: str | None) -> dict[str, Any]:
    """Attributes as they were stored."""
    return json.loads(text) if text else {}


def json_list(text: str | None) -> list[dict[str, Any]]:
    """Events, links or exemplars as they were stored."""
    return json.loads(text) if text else []


def word(words: Sequence[str], number: int) -> str:
    """The word of an enumeration's number; the number itself where OTLP has none for it."""
    return words[number] if number < len(words) else str(number)


def ms(nanoseconds: float) -> float:
    """Milliseconds of nanoseconds."""
    return round(nanoseconds / 1e6, 6)
