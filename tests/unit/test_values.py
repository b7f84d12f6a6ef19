"""Any value becomes what OTLP can carry."""

from __future__ import annotations

import array
import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import threading
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from vaquero import values
from vaquero.values import freeze, json_text, plain


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    YES = "yes"


class Angry:
    def __str__(self) -> str:
        raise ValueError("no text")


class Liar:
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class Panic(BaseException):
    pass


class Panicking:
    def __repr__(self) -> str:
        raise Panic


class Masked:
    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class Breaking(Sequence[int]):
    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: Any) -> Any:
        if index > 1:
            raise OSError("gone")
        return index


class BreakingMapping(Mapping[str, int]):
    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[str]:
        yield "first"
        raise OSError("gone")

    def __getitem__(self, key: str) -> int:
        return 1


class Text(str):
    def __len__(self) -> int:
        raise ValueError


@dataclasses.dataclass
class Order:
    number: int
    lines: list[str]
    card: str = dataclasses.field(default="4111", repr=False)


class Bare:
    pass


UTC = datetime.timezone.utc

CASES: list[tuple[object, object]] = [
    ("text", "text"),
    ("", ""),
    (True, True),
    (7, 7),
    (1.5, 1.5),
    (None, None),
    (b"\x00\xff", b"\x00\xff"),
    (bytearray(b"ab"), b"ab"),
    (memoryview(b"ab"), b"ab"),
    (2**63 - 1, 2**63 - 1),
    (2**63, "9223372036854775808"),
    (-(2**63) - 1, "-9223372036854775809"),
    (10**6000, "<int of 19932 bits>"),
    ([1, "a", None, [2]], (1, "a", None, (2,))),
    ((1, 2), (1, 2)),
    ({"a": {"b": [1]}}, {"a": {"b": (1,)}}),
    ({3, 1, 2}, (1, 2, 3)),
    (frozenset({"b", "a"}), ("a", "b")),
    ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "(1, 2)": "c"}),
    ({"": 1}, {"<empty>": 1}),
    (range(3), (0, 1, 2)),
    ({"a": 1}.keys(), ("a",)),
    ({"a": 1}.values(), (1,)),
    (collections.deque([1, 2]), (1, 2)),
    (collections.OrderedDict(a=1), {"a": 1}),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (collections.UserString("us"), "us"),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    (array.array("i", [1, 2]), (1, 2)),
    (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.time(3, 4), "03:04:00"),
    (datetime.timedelta(seconds=90), 90.0),
    (decimal.Decimal("1.10"), "1.10"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (Colour.RED, "RED"),
    (Level.HIGH, 3),
    (Word.YES, "yes"),
    (Order(1, ["x"]), {"number": 1, "lines": ("x",)}),
    (ValueError("wrong"), "ValueError: wrong"),
    (len, "len"),
    (int, "int"),
    (Bare, f"{__name__}.Bare"),
    (Bare(), f"<{__name__}.Bare>"),
    (complex(1, 2), "(1+2j)"),
    (Angry(), "<Angry: not readable (ValueError)>"),
    (Liar(), "<Liar: not readable (TypeError)>"),
    (Panicking(), "<Panicking: not readable (Panic)>"),
    (Masked(), "<Masked: not readable (RuntimeError)>"),
    ([Angry(), 1], ("<Angry: not readable (ValueError)>", 1)),
    (Breaking(), (0, 1, "<iteration failed: OSError>")),
    (BreakingMapping(), {"first": 1, "vaquero.cut": "<iteration failed: OSError>"}),
    ("\ud800", "\ud800"),
]


@pytest.mark.parametrize(("value", "expected"), CASES, ids=[repr(i) for i in range(len(CASES))])
def test_each_kind_arrives_as_documented(value: object, expected: object) -> None:
    """Each kind of value arrives as the table in docs/values.md says, of exactly that type."""
    frozen = freeze(value)

    assert frozen == expected
    assert type(frozen) is type(expected)


def test_subclasses_of_text_become_plain_text() -> None:
    """A subclass of str with methods of its own cannot disturb whoever reads the value later."""
    frozen = freeze(Text("abc"))

    assert type(frozen) is str
    assert frozen == "abc"


def test_what_may_change_is_copied() -> None:
    """A list or dict that the application changes later does not change what was recorded."""
    inner = [1]
    outer = {"a": inner}

    frozen = freeze(outer)
    inner.append(2)
    outer["b"] = []

    assert frozen == {"a": (1,)}


def test_cycles_end() -> None:
    """A container that holds itself is named where it comes round."""
    ring: list[Any] = [1]
    ring.append(ring)
    loop: dict[str, Any] = {}
    loop["me"] = loop

    assert freeze(ring) == (1, "<cycle: list>")
    assert freeze(loop) == {"me": "<cycle: dict>"}


def test_the_same_object_twice_is_no_cycle() -> None:
    """A value used in two places of a container is recorded in both."""
    shared = [1]

    assert freeze([shared, shared]) == ((1,), (1,))


def test_depth_ends() -> None:
    """Beyond 30 levels a mark stands for what is deeper."""
    value: Any = "bottom"
    for _ in range(100):
        value = [value]

    frozen: Any = freeze(value)
    for _ in range(values.MAX_DEPTH):
        frozen = frozen[0]

    assert frozen == "<deeper than 30 levels: list>"


def test_what_is_cut_is_said() -> None:
    """Long containers and texts are cut, with the count of what is missing in their place."""
    numbers: Any = freeze(list(range(25_000)))
    mapping: Any = freeze({str(number): number for number in range(25_000)})
    text: Any = freeze("x" * 2_000_000)
    inside: Any = freeze(["x" * 2_000_000, "y"])
    blob: Any = freeze(b"\x01" * 2_000_000)

    assert len(numbers) == values.MAX_ITEMS + 1
    assert numbers[-1] == "... 15000 more items cut"
    assert mapping["vaquero.cut"] == "... 15000 more entries cut"
    assert text.endswith("x... [951424 of 2000000 characters cut]")
    assert inside[0].endswith("[951424 of 2000000 characters cut]")
    assert blob.startswith("0101")
    assert blob.endswith("... [1999936 of 2000000 bytes cut]")


def test_work_is_bounded_over_all_levels() -> None:
    """A wide and deep structure costs no more than the bound on items."""
    wide = [[list(range(1000)) for _ in range(100)] for _ in range(100)]

    def count(value: Any) -> int:
        return sum(count(item) for item in value) if isinstance(value, tuple) else 1

    assert count(freeze(wide)) < 2 * values.MAX_ITEMS


def test_endless_iterators_are_not_consumed() -> None:
    """A generator is described, not run: its items belong to the application."""

    def numbers() -> Iterator[int]:
        while True:
            yield 1

    running = numbers()

    assert freeze(running) == (f"<generator object {numbers.__qualname__}>")
    assert next(running) == 1


def test_texts_hold_no_addresses() -> None:
    """The text of an object is the same in each run, so that equal things group together."""
    assert freeze(threading.Lock()) == "<unlocked _thread.lock object>"


def test_numpy_values_arrive_as_numbers() -> None:
    """Scalars become numbers and arrays sequences, large arrays are cut or described."""
    numpy = pytest.importorskip("numpy")

    assert freeze(numpy.float64(1.5)) == 1.5
    assert type(freeze(numpy.float64(1.5))) is float
    assert type(freeze(numpy.float32(1.5))) is float
    assert type(freeze(numpy.int64(3))) is int
    assert freeze(numpy.bool_(True)) is True
    assert freeze(numpy.array([[1, 2], [3, 4]])) == ((1, 2), (3, 4))
    assert freeze(numpy.array(5)) == 5
    assert freeze(numpy.datetime64("2026-01-02")) == "2026-01-02"
    assert isinstance(freeze(numpy.longdouble(1)), str)
    long: Any = freeze(numpy.zeros(20_000))
    assert long[-1] == "... 10000 more items cut"
    assert freeze(numpy.zeros((200, 200))) == "<array of shape (200, 200) and type float64>"
    assert freeze(numpy.array([{"a": 1}], dtype=object)) == ({"a": 1},)


def test_pydantic_models_arrive_as_mappings() -> None:
    """A model is its fields, without those that its author keeps out of its text."""
    pydantic = pytest.importorskip("pydantic")

    class User(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        name: str
        password: pydantic.SecretStr
        token: str = pydantic.Field("t", repr=False)

    assert freeze(User(name="a", password="p")) == {"name": "a", "password": "**********"}


def test_attrs_classes_arrive_as_mappings() -> None:
    """An attrs object is its fields, without those that its author keeps out of its text."""
    attrs = pytest.importorskip("attrs")
    kind = attrs.make_class("Point", {"x": attrs.field(), "y": attrs.field(repr=False)})

    assert freeze(kind(1, 2)) == {"x": 1}


def test_exceptions_that_stop_a_program_pass() -> None:
    """Ctrl-C while a value is read reaches the application."""

    class Interrupted:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        freeze([Interrupted()])


def test_running_things_are_left_alone() -> None:
    """A coroutine is described, neither awaited nor closed."""

    async def work() -> int:
        return 3

    coroutine = work()

    assert str(freeze(coroutine)).startswith("<coroutine object")
    assert asyncio.run(coroutine) == 3


def test_narrow_forms() -> None:
    """Mappings and mixed sequences become JSON text, bytes text, even sequences stay."""
    assert plain({"a": (1, None)}) == '{"a": [1, null]}'
    assert plain((1, "a")) == '[1, "a"]'
    assert plain((1, 2)) == (1, 2)
    assert plain(b"abc") == "abc"
    assert plain(b"\xff\x00") == "/wA="
    assert plain(None) is None
    assert json_text((float("nan"), float("inf"))) == '["nan", "inf"]'
