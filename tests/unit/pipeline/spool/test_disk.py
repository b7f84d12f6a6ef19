"""The spool on disk: segments, cursors, adoption, bounds."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vaquero.pipeline.settings import Destination
from vaquero.pipeline.spool import folder, lock, quota, refused, segment
from vaquero.pipeline.spool.adoption import Adopter, lock_folder
from vaquero.pipeline.spool.disk import DestinationFolder, DiskStore
from vaquero.pipeline.spool.frame import Frame, pack
from vaquero.pipeline.spool.segment import Cursor, CursorFile

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not lock.SUPPORTED, reason="no spool on this system")

DESTINATION = Destination("http://a.example/v1/traces", named_by_user=True)


def frame(number: int, size: int = 100) -> Frame:
    return Frame("traces", 1, int(time.time()), number, bytes([number % 256]) * size)


def ids(frames: list[Frame]) -> list[int]:
    return [one.id for one in frames]


class Store:
    """A disk store with its adopter, as a pipeline has them."""

    def __init__(self, root: Path, max_bytes: int = 1 << 20) -> None:
        self.lost = 0
        self.expired = 0
        self.place = DestinationFolder(root, "traces", DESTINATION)
        self.disk = DiskStore(self.place, max_bytes, self.lose)
        self.adopter = Adopter(self.place, self.disk, 86400.0, self.expire)

    def lose(self, items: int) -> None:
        self.lost += items

    def expire(self, items: int) -> None:
        self.expired += items

    def die(self) -> None:
        """As a killed process leaves its folder: unlocked, everything in place."""
        spool = self.disk.spool
        assert spool is not None
        lock.release(spool.held)

    def close(self) -> None:
        self.adopter.close()
        self.disk.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the spool goes."""
    return tmp_path / "state" / "spool"


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    """A store in it."""
    one = Store(root)
    yield one
    one.close()


# -- one process -------------------------------------------------------------------------------


def test_frames_come_back_in_order_and_are_deleted(store: Store, root: Path) -> None:
    """What was appended is taken in order; once settled nothing is left on disk."""
    for number in range(10):
        store.disk.append(frame(number))
    assert ids(store.disk.take(450, 100)) == [0, 1, 2, 3]
    store.disk.settle()
    store.disk.append(frame(10))
    assert ids(store.disk.take(10_000, 100)) == [4, 5, 6, 7, 8, 9, 10]
    store.disk.settle()
    assert store.disk.waiting_bytes == 0
    assert not list(root.rglob("*.seg"))
    assert store.lost == 0


def test_segments_roll_and_vanish_one_by_one(store: Store, root: Path) -> None:
    """A full segment is followed by another, and each is removed when it is settled."""
    for number in range(60):
        store.disk.append(frame(number, 5000))
    before = len(list(root.rglob("*.seg")))
    assert before > 3
    seen: list[int] = []
    while frames := store.disk.take(20_000, 100):
        seen += ids(frames)
        store.disk.settle()
    assert seen == list(range(60))
    assert not list(root.rglob("*.seg"))


def test_a_request_given_back_is_taken_again(store: Store) -> None:
    """What was not sent is next, from the cursor on."""
    for number in range(4):
        store.disk.append(frame(number))
    store.disk.take(250, 100)
    store.disk.settle()
    taken = ids(store.disk.take(250, 100))
    store.disk.give_back()
    assert ids(store.disk.take(250, 100)) == taken == [2, 3]


def test_many_writers_lose_nothing(store: Store) -> None:
    """Eight threads append while one reads: every frame comes out once."""
    seen: list[int] = []
    done = threading.Event()

    def write(base: int) -> None:
        for number in range(300):
            store.disk.append(frame(base + number, 200))

    def read() -> None:
        while True:
            ended = done.is_set()
            frames = store.disk.take(5000, 1000)
            seen.extend(ids(frames))
            store.disk.settle()
            if ended and not frames:
                return

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(base * 1000,)) for base in range(8)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    done.set()
    reader.join()
    assert sorted(seen) == sorted(base * 1000 + n for base in range(8) for n in range(300))
    assert store.lost == 0


def test_a_segment_half_way_to_being_sealed_is_not_removed(store: Store) -> None:
    """A reader between the two steps of a seal waits: a writer may still be under way."""
    store.disk.append(frame(1))
    spool = store.disk.spool
    assert spool is not None
    current = spool.current
    assert current is not None
    current.pins.append(None)  # a writer that has not written yet
    seen: list[int] = []

    def read() -> None:
        seen.extend(ids(store.disk.take(5000, 10)))
        store.disk.settle()

    reader = threading.Thread(target=read)
    with spool._roll_lock:
        spool.current = None
        reader.start()
        reader.join(0.2)
        spool._sealing.append(current)
    reader.join(10)
    current.write(pack(frame(2)))
    current.pins.pop()

    seen.extend(ids(store.disk.take(5000, 10)))
    assert seen == [1, 2]


def test_a_removed_folder_is_counted_and_replaced(store: Store, root: Path) -> None:
    """Somebody deletes the folder of a running process: the loss is counted, the rest goes on."""
    import shutil

    store.disk.append(frame(1))
    assert store.disk.spool is not None
    name = next(path.parent for path in root.rglob("*.seg"))
    shutil.rmtree(name)
    store.disk.append(frame(2))
    while store.disk.take(1000, 100):
        store.disk.settle()
    assert store.lost >= 1
    store.disk.append(frame(3))
    assert ids(store.disk.take(1000, 100))[-1] == 3


def test_an_empty_folder_is_removed_at_the_end(root: Path) -> None:
    """A process that has sent everything leaves no folder of its own."""
    one = Store(root)
    one.disk.append(frame(1))
    one.disk.take(1000, 100)
    one.disk.settle()
    one.close()
    assert [path.name for path in root.rglob("*") if path.is_file()] == ["key"]


# -- adoption ----------------------------------------------------------------------------------


def left_by_a_dead_process(root: Path, count: int, settled: int = 0) -> None:
    one = Store(root)
    for number in range(count):
        one.disk.append(frame(number))
    if settled:
        one.disk.take(settled * 100, settled)
        one.disk.settle()
    one.die()


def test_leavings_are_adopted_from_the_cursor_on(root: Path, store: Store) -> None:
    """What a dead process had not settled is taken once, and its folder is removed."""
    left_by_a_dead_process(root, 10, settled=4)
    assert store.adopter.scan()
    (adopted,) = store.adopter.sources()
    assert ids(adopted.take(10_000, 100)) == [4, 5, 6, 7, 8, 9]
    adopted.settle()
    assert not store.adopter.has_more
    assert not list(root.rglob("*.seg"))


def test_the_living_are_not_adopted(root: Path, store: Store) -> None:
    """The folder of a process that lives is locked, for another process and for the same one."""
    other = Store(root)
    other.disk.append(frame(1))
    assert not store.adopter.scan()
    pid = os.fork() if hasattr(os, "fork") else 0
    if pid == 0:
        store.disk.reset()
        found = Store(root).adopter.scan()
        os._exit(1 if found else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ids(other.disk.take(1000, 10)) == [1], "a child must not have touched it"
    other.close()


def test_two_adopters_never_share(root: Path) -> None:
    """Of two processes that look at once, one gets a folder and keeps it."""
    left_by_a_dead_process(root, 5)
    first, second = Store(root), Store(root)
    assert first.adopter.scan()
    assert not second.adopter.scan()
    first.close()
    assert second.adopter.scan()
    second.close()


def test_a_fork_does_not_carry_the_lock_on(root: Path) -> None:
    """A child that outlives its parent does not hold what the parent held."""
    one = Store(root)
    one.disk.append(frame(1))
    read, write = os.pipe()
    ready, runs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        os.write(runs, b"!")
        os.read(read, 1)  # until the parent closes its end
        os._exit(0)
    assert os.read(ready, 1)
    one.die()
    other = Store(root)
    try:
        assert other.adopter.scan()
    finally:
        os.close(write)
        os.waitpid(pid, 0)
        for handle in (read, ready, runs):
            os.close(handle)
        other.close()


def test_expired_leavings_are_dropped_and_counted(root: Path, store: Store) -> None:
    """Segments older than the age are not sent."""
    left_by_a_dead_process(root, 7)
    (path,) = root.rglob("*.seg")
    os.utime(path, (time.time() - 90_000,) * 2)
    store.adopter.scan()
    assert store.expired == 7
    assert not store.adopter.has_more


def test_a_folder_without_a_lock_is_left_alone(root: Path, store: Store) -> None:
    """It may be one that is being made; an old empty one is removed."""
    store.disk.append(frame(1))
    made = next(path for path in root.iterdir() if path.is_dir()) / "123-456-abcd"
    made.mkdir()
    store.adopter.scan()
    assert made.exists()
    os.utime(made, (time.time() - 7200,) * 2)
    store.adopter.scan()
    assert not made.exists()


# -- cursor, bounds, refusals ------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"x" * 20, b"\x00" * 19])
def test_a_damaged_cursor_means_the_beginning(data: bytes, tmp_path: Path) -> None:
    """Rather one request twice than one not at all."""
    handle = folder.open_folder(tmp_path / "one", create=True)
    CursorFile(handle).write(Cursor(3, 77))
    assert CursorFile(handle).read() == Cursor(3, 77)
    (tmp_path / "one" / "cursor").write_bytes(data)
    assert CursorFile(handle).read() == Cursor(0, 0)
    os.close(handle)


def test_the_bound_takes_the_oldest_first(root: Path) -> None:
    """Segments of dead processes go before younger ones; the living keep theirs."""
    for _ in range(3):
        left_by_a_dead_process(root, 100)
    paths = list(root.rglob("*.seg"))
    for age, path in enumerate(paths):
        os.utime(path, (time.time() - 1000 * (age + 1),) * 2)
    total = sum(path.stat().st_size for path in paths)
    lost = quota.enforce(root, max_bytes=total - 1, max_age_s=1e9, own={}, spare={})
    assert sum(lost["spool_full"].values()) == 100
    assert not paths[-1].exists()
    assert paths[0].exists()


def test_refused_requests_are_kept_within_their_bound(tmp_path: Path) -> None:
    """The newest are kept, one file each, and come back whole."""
    handle = folder.open_folder(tmp_path / "destination", create=True)
    for number in range(10):
        assert refused.store(handle, frame(number, 1000), 5000)
    assert not refused.store(handle, frame(99, 10_000), 5000)
    inside = folder.open_inside(handle, folder.REFUSED_NAME, create=False)
    kept = [refused.read(inside, name) for name in refused.names(inside)]
    assert [one.id for one in kept if one] == [6, 7, 8, 9]
    os.close(inside)
    os.close(handle)


def test_no_descriptor_is_left_open(root: Path) -> None:
    """Opening, adopting, dropping and closing again and again leaks nothing."""
    if sys.platform != "linux":
        pytest.skip("counts /proc/self/fd")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        left_by_a_dead_process(root, 3)  # its own handles stay open, as a dead process has none
        one = Store(root)
        one.disk.append(frame(1))
        one.adopter.scan()
        one.disk.take(100, 1)
        one.disk.settle()
        one.close()
    leaked = len(os.listdir("/proc/self/fd")) - before
    assert leaked <= 5 * 4, "four handles for each process that only pretended to die"
    handle = folder.open_folder(root, create=False)
    assert lock_folder(handle, "nothing") is None
    os.close(handle)
    assert segment.name_of(7) == "00000007.seg"
