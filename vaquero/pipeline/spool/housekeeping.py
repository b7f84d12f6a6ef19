"""Keeps a pipeline's spool in order: makes the stores of its lanes, keeps bounds and refusals."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

from vaquero import _log
from vaquero.pipeline.spool import lock, quota, refused
from vaquero.pipeline.spool.adoption import Adopter
from vaquero.pipeline.spool.disk import SEGMENT_AGE_S, DestinationFolder, DiskStore
from vaquero.pipeline.spool.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaquero.pipeline.queue.lane import Lane
    from vaquero.pipeline.settings import Destination, PipelineSettings, Signal
    from vaquero.pipeline.stats import Ledger

#: How often expired segments are looked for.
EXPIRY_INTERVAL_S = 300.0


class Housekeeper:
    """The spool of one pipeline, over all its lanes.

    Args:
        settings: Folder and bounds.
        ledger: Where losses of ended processes are counted.
    """

    def __init__(self, settings: PipelineSettings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._expired_s = time.monotonic()

    def stores(
        self, signal: Signal, destination: Destination, lost: Callable[[int], None]
    ) -> tuple[DiskStore, Adopter] | tuple[None, None]:
        """The spool of a lane; nothing where nobody named a destination or wants a spool."""
        root = self._settings.spool_dir
        if root is None or not destination.named_by_user:
            return None, None
        if not lock.SUPPORTED:
            _log.info("This system offers no file locks that vaquero can use: nothing is spooled.")
            return None, None
        place = DestinationFolder(root, signal, destination)
        disk = DiskStore(place, self._settings.spool_max_bytes, lost)
        expired = partial(self._count_foreign, signal, "spool_expired")
        return disk, Adopter(place, disk, self._settings.spool_max_age_s, expired)

    def keep(self, lane: Lane, body: bytes, items: int) -> bool:
        """Keep a refused request for a later resend; False where it cannot be."""
        adopter = lane.adopter
        if adopter is None:
            return False
        request = Frame(
            lane.signal, items, int(time.time()), int.from_bytes(os.urandom(8), "little"), body
        )
        try:
            return refused.keep(adopter.place.open(), request, self._settings.refused_max_bytes)
        except OSError:
            return False

    def tend(self, lanes: dict[Signal, Lane]) -> None:
        """Hold the bounds: after a segment was filled, and now and then for the age."""
        root = self._settings.spool_dir
        if root is None:
            return
        filled = False
        for lane in lanes.values():
            shelf = lane.disk.shelf if lane.disk is not None else None
            if shelf is not None and shelf.rolled:
                shelf.rolled = False
                filled = True
        now = time.monotonic()
        if not filled and now - self._expired_s < EXPIRY_INTERVAL_S:
            return
        self._expired_s = now
        for lane in lanes.values():
            if lane.disk is not None and lane.disk.shelf is not None:
                lane.disk.shelf.seal_by_age(SEGMENT_AGE_S)
        self._enforce(root, lanes)

    def _enforce(self, root: Path, lanes: dict[Signal, Lane]) -> None:
        own: dict[tuple[str, str], quota.Droppable] = {}
        spare: dict[tuple[str, str], int] = {}
        owners: dict[tuple[str, str], Lane] = {}
        for lane in lanes.values():
            if lane.disk is None or lane.adopter is None:
                continue
            place = lane.adopter.place.name
            if lane.disk.shelf is not None:
                key = (place, lane.disk.name)
                own[key], owners[key] = lane.disk, lane
                spare[key] = lane.disk.current_number
            for adopted in lane.adopter.sources():
                own[place, adopted.name] = adopted.shelf
        try:
            lost = quota.enforce(
                root,
                max_bytes=self._settings.spool_max_bytes,
                max_age_s=self._settings.spool_max_age_s,
                own=own,
                spare=spare,
            )
        except OSError:
            return  # there is no spool (yet)
        for reason, folders in lost.items():
            for key, items in folders.items():
                self._count(owners.get(key), reason, items)

    def _count(self, owner: Lane | None, reason: str, items: int) -> None:
        if owner is None:
            # Which signal it was is not known without reading it; spans are the most likely.
            self._count_foreign("traces", reason, items)
            return
        owner.lost(items, reason)
        _say(reason, items)

    def _count_foreign(self, signal: Signal, reason: str, items: int) -> None:
        """What an ended process left, which cannot count it any more."""
        self._ledger.accept(signal, items)
        self._ledger.drop(signal, reason, items)
        _say(reason, items)


def _say(reason: str, items: int) -> None:
    if items:
        _log.warn(
            reason,
            "vaquero dropped the oldest data in its spool, %d items: %s.",
            items,
            "it is full" if reason == "spool_full" else "it is too old",
        )
