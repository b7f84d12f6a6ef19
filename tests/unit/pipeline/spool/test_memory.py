"""The memory store: bounded, oldest first, and safe about what is in flight."""

from __future__ import annotations

from vaquero.pipeline.spool.frame import Frame
from vaquero.pipeline.spool.memory import MemoryStore


def frame(number: int, size: int = 100) -> Frame:
    return Frame("traces", 1, 0, number, b"x" * size)


def ids(frames: list[Frame]) -> list[int]:
    return [one.id for one in frames]


def test_the_oldest_are_pushed_out_and_told() -> None:
    """Beyond the bound the oldest frames go, one call for each."""
    gone: list[Frame] = []
    store = MemoryStore(1000, gone.append)
    for number in range(15):
        store.append(frame(number))
    assert ids(gone) == [0, 1, 2, 3, 4]
    assert store.waiting_bytes == 1000
    assert store.waiting_items == 10


def test_requests_keep_both_bounds() -> None:
    """Frames are taken in order up to the bounds of bytes and items, a large one alone."""
    store = MemoryStore(10_000, lambda _: None)
    for number in range(5):
        store.append(frame(number))
    store.append(frame(9, 5000))
    assert ids(store.take(250, 100)) == [0, 1]
    store.settle()
    assert ids(store.take(10_000, 2)) == [2, 3]
    store.settle()
    assert ids(store.take(250, 100)) == [4]
    store.settle()
    assert ids(store.take(250, 100)) == [9]
    store.settle()
    assert store.waiting_bytes == 0


def test_what_is_given_back_is_next() -> None:
    """A request that was not sent keeps its place."""
    store = MemoryStore(10_000, lambda _: None)
    for number in range(4):
        store.append(frame(number))
    store.take(250, 100)
    store.give_back()
    assert ids(store.take(10_000, 100)) == [0, 1, 2, 3]


def test_what_is_in_flight_is_not_pushed_out() -> None:
    """A request under way is not dropped by what comes after it."""
    gone: list[Frame] = []
    store = MemoryStore(1000, gone.append)
    store.append(frame(0))
    store.take(1000, 100)
    for number in range(1, 20):
        store.append(frame(number))
    assert 0 not in ids(gone)
