"""What waits in the spool, folder by folder, and how it is cleared. Behind ``vaquero spool``."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from vaquero.pipeline.spool import adoption, folder, lock, quota, refused, segment
from vaquero.pipeline.spool.segment import CursorFile, SegmentReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaquero.pipeline.settings import Signal
    from vaquero.pipeline.spool.frame import Frame

State = Literal["live", "orphaned", "refused"]

_READ_BYTES = 4 * 1024 * 1024
_ANY = 1 << 30


@dataclass(frozen=True)
class Entry:
    """One folder of the spool.

    Attributes:
        destination: The folder's name: a keyed hash, from which the address cannot be read.
        process: Folder of the process, its pid first; ``refused`` for what a backend refused.
        pid: The process that wrote it; None for refused requests.
        state: ``live`` (its process holds it), ``orphaned`` (the next process with the same
            destination sends it) or ``refused`` (``vaquero spool resend`` sends it).
        signals: Items waiting, by signal.
        requests: Frames waiting.
        size_bytes: Bytes waiting.
        oldest_s: Unix time of the oldest frame; None where nothing waits.
    """

    destination: str
    process: str
    pid: int | None
    state: State
    signals: dict[Signal, int]
    requests: int
    size_bytes: int
    oldest_s: float | None


def inventory(root: Path) -> list[Entry]:
    """What waits in the spool, folder by folder. Reads only.

    Args:
        root: The spool; it need not exist.

    Raises:
        OSError: It cannot be read, or belongs to somebody else.
    """
    if not root.exists():
        return []
    handle = folder.open_folder(root, create=False)
    try:
        return [
            entry
            for name in sorted(os.listdir(handle))
            if folder.is_destination_name(name)
            for entry in _entries(handle, name)
        ]
    finally:
        os.close(handle)


def _entries(root: int, destination: str) -> Iterator[Entry]:
    with suppress(OSError):
        parent = folder.open_inside(root, destination, create=False)
        try:
            for process in sorted(os.listdir(parent)):
                handle = folder.open_inside(parent, process, create=False)
                try:
                    is_refused = process == folder.REFUSED_NAME
                    frames = _refused(handle) if is_refused else _waiting(handle)
                    entry = _entry(destination, process, frames)
                    if not is_refused:
                        entry = replace(entry, state=_state(handle))
                finally:
                    os.close(handle)
                if entry.requests or entry.state == "live":
                    yield entry
        finally:
            os.close(parent)


def _entry(destination: str, process: str, frames: Iterator[tuple[Frame, int]]) -> Entry:
    signals: dict[Signal, int] = {}
    requests = size = 0
    oldest: int | None = None
    for one, length in frames:
        signals[one.signal] = signals.get(one.signal, 0) + one.items
        requests += 1
        size += length
        oldest = one.time_s if oldest is None else min(oldest, one.time_s)
    pid = process.partition("-")[0]
    return Entry(
        destination,
        process,
        int(pid) if pid.isdigit() else None,
        "refused",
        signals,
        requests,
        size,
        oldest,
    )


def _state(handle: int) -> State:
    try:
        held = lock.acquire(handle, create=False)
    except OSError:
        return "live"  # just being made
    if held is None:
        return "live"
    lock.release(held)
    return "orphaned"


def _waiting(handle: int) -> Iterator[tuple[Frame, int]]:
    cursor = CursorFile(handle).read()
    for number in segment.numbers_in(handle):
        if number < cursor.number:
            continue
        offset = cursor.offset if number == cursor.number else 0
        with suppress(OSError):
            reader = SegmentReader(handle, number, offset)
            try:
                while frames := reader.read(_READ_BYTES, _ANY, sealed=True):
                    for one in frames:
                        yield one, len(one.payload)
            finally:
                reader.close()


def _refused(handle: int) -> Iterator[tuple[Frame, int]]:
    for name in refused.names(handle):
        one = refused.read(handle, name)
        if one is not None:
            yield one, len(one.payload)


def clear(root: Path) -> int:
    """Delete what ended processes left and what was refused; living processes keep theirs.

    Returns:
        Items deleted.

    Raises:
        OSError: The spool cannot be read, or belongs to somebody else.
    """
    if not root.exists():
        return 0
    deleted = 0
    handle = folder.open_folder(root, create=False)
    try:
        for entry in inventory(root):
            parent = folder.open_inside(handle, entry.destination, create=False)
            try:
                if entry.state == "refused":
                    deleted += _clear_refused(parent, entry)
                elif entry.state == "orphaned":
                    deleted += _clear_process(parent, entry)
            finally:
                os.close(parent)
    finally:
        os.close(handle)
    return deleted


def _clear_refused(parent: int, entry: Entry) -> int:
    handle = folder.open_inside(parent, folder.REFUSED_NAME, create=False)
    try:
        for name in refused.names(handle):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=handle)
    finally:
        os.close(handle)
    return sum(entry.signals.values())


def _clear_process(parent: int, entry: Entry) -> int:
    reader = adoption.lock_folder(parent, entry.process)
    if reader is None:
        return 0
    try:
        return sum(reader.drop(number) or 0 for _, _, number in reader.segments())
    finally:
        adoption.close_folder(parent, entry.process, reader)


def total_bytes(root: Path) -> int:
    """Bytes of all segments in the spool; 0 where there is none."""
    if not root.exists():
        return 0
    handle = folder.open_folder(root, create=False)
    try:
        return sum(one.size_bytes for one in quota.find_segments(handle))
    finally:
        os.close(handle)
