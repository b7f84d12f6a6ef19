"""What the pages of the facade say is run."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import re
import threading
import uuid
from typing import Any

import pytest

from vaquero.values import freeze

from .conftest import Spans

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs"


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Order:
    number: int
    card: str = dataclasses.field(repr=False)


class Angry:
    def __str__(self) -> str:
        raise ValueError("no text")


NAMES: dict[str, Any] = {
    "Angry": Angry,
    "Colour": Colour,
    "Level": Level,
    "Order": Order,
    "datetime": datetime,
    "decimal": decimal,
    "pathlib": pathlib,
    "threading": threading,
    "uuid": uuid,
}


def _rows() -> list[tuple[str, str]]:
    text = (DOCS / "values.md").read_text("utf-8")
    table = text.split("| value | arrives as |")[1].split("\n\n")[0]
    return re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", table, re.MULTILINE)


@pytest.mark.parametrize(("value", "expected"), _rows())
def test_values_arrive_as_the_page_says(value: str, expected: str) -> None:
    """Each row of the table in docs/values.md is true."""
    assert freeze(eval(value, dict(NAMES))) == eval(expected)


def test_the_table_of_values_is_read() -> None:
    """The table is found, so that the test above has rows."""
    assert len(_rows()) > 25


def test_the_examples_of_the_facade_run(spans: Spans, silence: None) -> None:
    """The code blocks in docs/facade.md run and make the spans that they name."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "facade.md").read_text("utf-8"), re.DOTALL)
    for number, block in enumerate(blocks):
        exec(compile(block, f"facade.md block {number}", "exec"), {"__name__": "example"})

    assert spans.names() == [
        "payment",
        "checkout",
        "block",
        "async block",
        "each call",
        "until finished",
        "store._load_index",
        "store.save",
    ]
