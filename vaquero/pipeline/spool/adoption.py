"""Adoption: what an ended process left in the spool is sent by its siblings and successors.

Only within the folder of one destination, so nothing goes to another backend; and only under the
folder's lock, which is kept until the folder is removed, so nothing is sent twice.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vaquero import _log
from vaquero.pipeline.spool import folder, lock, segment
from vaquero.pipeline.spool.reader import SpoolReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaquero.pipeline.spool.disk import DestinationFolder, DiskStore
    from vaquero.pipeline.spool.frame import Frame

#: One process takes no more than this at a time: others may want to help.
MAX_ADOPTED = 8
#: A folder without a lock file is one being made, or one whose maker died in between.
ABANDONED_S = 3600.0


class AdoptedSpool:
    """A :class:`FrameSource` of the store that gives its folder up when it is empty."""

    def __init__(self, adopter: Adopter, name: str, reader: SpoolReader) -> None:
        self.name = name
        self.reader = reader
        self._adopter = adopter

    @property
    def waiting_bytes(self) -> int:
        """Bytes not yet settled."""
        return self.reader.waiting_bytes

    def take(self, max_bytes: int, max_items: int) -> list[Frame]:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        try:
            frames = self.reader.take(max_bytes, max_items)
        except OSError:
            frames = []
        if not frames:
            self._adopter.finish(self)
        return frames

    def settle(self) -> None:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        self.reader.settle()
        if self.reader.is_empty():
            self._adopter.finish(self)

    def give_back(self) -> None:
        """See :class:`vaquero.pipeline.spool.memory.FrameSource`."""
        self.reader.give_back()


class Adopter:
    """Finds and holds the folders of ended processes with the same destination.

    Args:
        place: The destination's folder.
        own: The spool of this process, which is no orphan.
        max_age_s: What is older is dropped and not sent.
        expired: Told how many items were too old.
    """

    def __init__(
        self,
        place: DestinationFolder,
        own: DiskStore | None,
        max_age_s: float,
        expired: Callable[[int], None],
    ) -> None:
        self.place = place
        self._own = own
        self._max_age_s = max_age_s
        self._expired = expired
        self.adopted: list[AdoptedSpool] = []

    def reset(self) -> None:
        """In a forked child: what was adopted is the parent's."""
        for adopted in self.adopted:
            adopted.reader.forget()
        self.adopted = []
        self.place.close()

    @property
    def has_more(self) -> bool:
        """Whether something adopted waits."""
        return bool(self.adopted)

    def sources(self) -> list[AdoptedSpool]:
        """What is adopted."""
        return list(self.adopted)

    def may_find(self) -> bool:
        """Whether there is a spool at all, without making one."""
        return bool(self.adopted) or self.place.exists()

    def scan(self) -> bool:
        """Adopt what nobody holds; True where something was found."""
        if not lock.SUPPORTED or not self.place.exists():
            return False
        try:
            parent = self.place.open()
            names = os.listdir(parent)
        except OSError as error:
            _log.warn("spool:adopt", "vaquero cannot read its spool: %s", error.strerror or error)
            return False
        known = {adopted.name for adopted in self.adopted}
        known.add(self._own.name if self._own is not None else "")
        for name in sorted(names):
            if len(self.adopted) >= MAX_ADOPTED:
                break
            if name not in known and name != folder.REFUSED_NAME:
                self._adopt(parent, name)
        return len(self.adopted) > len(known) - 1

    def _adopt(self, parent: int, name: str) -> None:
        reader = lock_folder(parent, name)
        if reader is None:
            return
        adopted = AdoptedSpool(self, name, reader)
        self.adopted.append(adopted)
        oldest_s = time.time() - self._max_age_s
        expired = sum(
            reader.drop(number) or 0 for at_s, _, number in reader.segments() if at_s < oldest_s
        )
        if expired:
            self._expired(expired)
        if reader.is_empty():
            self.finish(adopted)

    def finish(self, adopted: AdoptedSpool) -> None:
        """Nothing is left in a folder: remove it and let its lock go."""
        if adopted in self.adopted:
            self.adopted.remove(adopted)
        close_folder(self.place.handle, adopted.name, adopted.reader)

    def close(self) -> None:
        """Give everything up, for others to adopt."""
        for adopted in list(self.adopted):
            self.finish(adopted)


def lock_folder(parent: int, name: str) -> SpoolReader | None:
    """The folder of an ended process, locked; None where it lives, or where it is no process."""
    try:
        handle = folder.open_inside(parent, name, create=False)
    except OSError:
        return None
    held = None
    try:
        held = lock.acquire(handle, create=False)
        if held is not None:
            return SpoolReader(handle, held, _log_damage)
    except FileNotFoundError:
        _remove_abandoned(parent, name, handle)
    except OSError:
        if held is not None:
            lock.release(held)
    os.close(handle)
    return None


def close_folder(parent: int, name: str, reader: SpoolReader) -> None:
    """Give a locked folder up; it is removed where it is empty."""
    reader.close()
    if parent >= 0:
        with suppress(OSError):
            os.rmdir(name, dir_fd=parent)


def _remove_abandoned(parent: int, name: str, handle: int) -> None:
    with suppress(OSError):
        if time.time() - os.fstat(handle).st_mtime > ABANDONED_S and not segment.numbers_in(handle):
            os.rmdir(name, dir_fd=parent)


def _log_damage(count: int) -> None:
    _log.warn("spool:damaged", "%d damaged bytes in vaquero's spool were skipped.", count)
