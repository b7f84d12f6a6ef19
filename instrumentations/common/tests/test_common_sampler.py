"""The sampler: one snapshot per cycle, a window of its own, forked children."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest
from vaquero_instrumentation_common import ReadingGuard, Sampler, Source, UnsupportedReadingError

LOG = logging.getLogger("vaquero.instrumentation.test")


class Counting:
    """A source that counts how often it is read; its reading is that count."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> int:
        self.reads += 1
        return self.reads


def _sampler(source: Any, clock: Any, **more: Any) -> Sampler:
    options = {"windowed": more.pop("windowed", False), "per_process": more.pop("own", False)}
    options["refresh_s"] = more.pop("refresh_s", 0.0)
    guard = ReadingGuard(LOG, clock=clock)
    return Sampler([Source("source", source, **options)], guard, clock=clock, **more)


def test_one_reading_serves_all_rows_of_a_cycle(clock: Any) -> None:
    """Rows of one pass share a reading; the same row asked again gets a new one."""
    source = Counting()
    sampler = _sampler(source, clock)
    assert [sampler.reading(row, "source").now for row in "abc"] == [1, 1, 1]
    clock.advance(1)
    assert [sampler.reading(row, "source").now for row in "abc"] == [2, 2, 2]


def test_a_slow_cycle_keeps_its_snapshot(clock: Any) -> None:
    """A pass that takes longer than the sharing age still sees one snapshot."""
    sampler = _sampler(Counting(), clock)
    first = sampler.reading("a", "source")
    clock.advance(1.5)
    assert sampler.reading("b", "source") is first


def test_readers_at_the_same_moment_share_a_snapshot(clock: Any) -> None:
    """Another thread's pass at the same time gets the very same reading."""
    source = Counting()
    sampler = _sampler(source, clock, windowed=True)
    sampler.start()
    clock.advance(5)
    mine = sampler.reading("a", "source")
    theirs: list[Any] = []
    thread = threading.Thread(target=lambda: theirs.append(sampler.reading("a", "source")))
    thread.start()
    thread.join()
    assert theirs[0] is mine


def test_readers_with_different_intervals_agree(clock: Any) -> None:
    """The span compared is the sampler's window, not the time since the reader's last pass."""
    sampler = _sampler(Counting(), clock, windowed=True, window_s=10)
    sampler.start()
    for _ in range(30):
        clock.advance(1)
        fast = sampler.reading("fast", "source")
    assert fast.elapsed_s == pytest.approx(10)
    clock.advance(0.05)
    slow = sampler.reading("slow", "source")
    assert slow.elapsed_s == pytest.approx(10)


def test_no_difference_before_time_has_passed(clock: Any) -> None:
    """Right after the baseline there is nothing to compare with, so no false zero."""
    sampler = _sampler(Counting(), clock, windowed=True)
    sampler.start()
    assert sampler.reading("a", "source").then is None
    clock.advance(2)
    reading = sampler.reading("a", "source")
    assert (reading.then, reading.elapsed_s) == (1, 2)


def test_refresh_keeps_a_slow_source(clock: Any) -> None:
    """A source with a refresh age is read again only when that has passed."""
    source = Counting()
    sampler = _sampler(source, clock, refresh_s=60)
    for _ in range(5):
        sampler.reading("a", "source")
        clock.advance(10)
    assert source.reads == 1
    clock.advance(20)
    sampler.reading("a", "source")
    assert source.reads == 2


def test_a_shut_gate_reads_nothing(clock: Any) -> None:
    """While the gate is shut no source is touched; opened, the old history is no baseline."""
    source, gate = Counting(), [False]
    sampler = _sampler(source, clock, windowed=True, gate=lambda: gate[0])
    sampler.start()
    for _ in range(3):
        clock.advance(10)
        assert sampler.reading("a", "source") is None
    assert source.reads == 1
    gate[0] = True
    clock.advance(10)
    assert sampler.reading("a", "source").then is None
    clock.advance(10)
    assert sampler.reading("a", "source").elapsed_s == 10


def test_a_new_pid_starts_anew(clock: Any) -> None:
    """A child that was forked behind Python's back compares with its own baseline only."""
    pid = [1]
    sampler = _sampler(Counting(), clock, windowed=True, own=True, pid=lambda: pid[0])
    sampler.start()
    clock.advance(5)
    assert sampler.reading("a", "source").then == 1
    pid[0] = 2
    clock.advance(5)
    assert sampler.reading("a", "source").then is None
    clock.advance(5)
    assert sampler.reading("a", "source").elapsed_s == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_the_lock_is_held_does_not_block_the_child(clock: Any) -> None:
    """The child has a lock of its own, though a thread of the parent held the parent's."""
    sampler = _sampler(Counting(), clock, windowed=True, own=True)
    sampler.start()
    with sampler._lock:
        pid = os.fork()
        if pid == 0:
            reading = sampler.reading("a", "source")
            os._exit(0 if reading is not None and reading.now == 3 else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_failing_source_pauses_and_is_told_once(
    clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A source that fails is off for a minute, told once, and comes back when it can."""
    broken = [True]
    reads: list[float] = []

    def read() -> int:
        reads.append(clock.now)
        if broken[0]:
            raise PermissionError("not for you")
        return 7

    sampler = _sampler(read, clock)
    for _ in range(13):
        assert sampler.reading("a", "source") is None
        clock.advance(10)
    assert len(reads) == 3
    assert caplog.text.count("not for you") == 1
    broken[0] = False
    clock.advance(60)
    assert sampler.reading("a", "source").now == 7


def test_what_a_machine_lacks_is_no_fault(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A source that says UnsupportedReadingError is silent."""

    def read() -> int:
        raise UnsupportedReadingError("not here")

    sampler = _sampler(read, clock)
    assert sampler.reading("a", "source") is None
    assert caplog.text == ""


def test_one_reason_many_sources_one_line(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Sources that fail for one reason do not fill the log."""
    guard = ReadingGuard(LOG, clock=clock)

    def fail() -> int:
        raise OSError("down")

    for name in ("a", "b", "c", "d"):
        guard.call(name, fail)
    assert len(caplog.records) == 1
