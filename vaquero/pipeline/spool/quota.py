"""The bounds of the spool: one size for all processes of a user, one age; the oldest goes first.

A process drops its own segments, those it has adopted, and those of ended processes. What another
living process holds is left to it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vaquero.pipeline.spool import adoption, folder, segment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Droppable(Protocol):
    """A folder whose segments may be dropped."""

    def drop(self, number: int) -> int | None:
        """Remove a segment unsent; the items in it, or None where it is being sent."""
        ...


class SegmentInfo(NamedTuple):
    """A segment in the spool: where it is, when it last changed, how large it is."""

    destination: str
    process: str
    number: int
    changed_s: float
    size_bytes: int


def find_segments(root: int) -> list[SegmentInfo]:
    """All segments below the spool's root, oldest first; refused requests are not among them."""
    found: list[SegmentInfo] = []
    for destination in _names(root):
        if not folder.is_destination_name(destination):
            continue
        with suppress(OSError):
            handle = folder.open_inside(root, destination, create=False)
            try:
                for process in _names(handle):
                    if process != folder.REFUSED_NAME:
                        found += _segments_of(handle, destination, process)
            finally:
                os.close(handle)
    found.sort(key=lambda one: one.changed_s)
    return found


def _names(handle: int) -> list[str]:
    try:
        return sorted(os.listdir(handle))
    except OSError:
        return []


def _segments_of(parent: int, destination: str, process: str) -> list[SegmentInfo]:
    found: list[SegmentInfo] = []
    try:
        handle = folder.open_inside(parent, process, create=False)
    except OSError:
        return found
    try:
        for number in segment.numbers_in(handle):
            with suppress(OSError):
                name = segment.name_of(number)
                info = os.stat(name, dir_fd=handle, follow_symlinks=False)
                found.append(SegmentInfo(destination, process, number, info.st_mtime, info.st_size))
    finally:
        os.close(handle)
    return found


def enforce(
    path: Path,
    *,
    max_bytes: int,
    max_age_s: float,
    own: Mapping[tuple[str, str], Droppable],
    spare: Mapping[tuple[str, str], int],
) -> dict[str, dict[tuple[str, str], int]]:
    """Drop what is too old, then the oldest until the spool fits.

    Args:
        path: The spool.
        max_bytes: Bound of all segments together.
        max_age_s: Segments that did not change for longer are dropped.
        own: Folders that this process holds, by destination and process folder.
        spare: Numbers of segments in them that are still written to, and stay.

    Returns:
        Items lost, by reason (``spool_full``, ``spool_expired``) and folder.
    """
    lost: dict[str, dict[tuple[str, str], int]] = {"spool_full": {}, "spool_expired": {}}
    root = folder.open_folder(path, create=False)
    try:
        segments = find_segments(root)
        total = sum(one.size_bytes for one in segments)
        oldest_s = time.time() - max_age_s
        for one in segments:
            expired = one.changed_s < oldest_s
            if not expired and total <= max_bytes:
                break
            key = (one.destination, one.process)
            if spare.get(key) == one.number:
                continue
            items = _drop(root, one, own.get(key))
            if items is None:
                continue
            total -= one.size_bytes
            reason = lost["spool_expired" if expired else "spool_full"]
            reason[key] = reason.get(key, 0) + items
    finally:
        os.close(root)
    return lost


def _drop(root: int, one: SegmentInfo, own: Droppable | None) -> int | None:
    """Drop a segment; its items, or None where it must stay."""
    if own is not None:
        return own.drop(one.number)
    with suppress(OSError):
        parent = folder.open_inside(root, one.destination, create=False)
        try:
            reader = adoption.lock_folder(parent, one.process)
            if reader is None:
                return None
            try:
                return reader.drop(one.number)
            finally:
                adoption.close_folder(parent, one.process, reader)
        finally:
            os.close(parent)
    return None
