"""Keeps a pipeline's spool in order: makes the stores of its lanes, keeps bounds and refusals."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vaquero import _log
from vaquero.pipeline.spool import lock, quota, refused
from vaquero.pipeline.spool.adoption import Adopter
from vaquero.pipeline.spool.disk import SEGMENT_AGE_S, DestinationFolder, DiskStore
from vaquero.pipeline.spool.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaquero.pipeline.settings import Destination, PipelineSettings, Signal
    from vaquero.pipeline.stats import Ledger

#: How often expired segments are looked for.
EXPIRY_INTERVAL_S = 300.0


class SignalStores(NamedTuple):
    """What one signal has in the spool.

    Attributes:
        disk: What this process writes.
        adopter: What ended processes left for the same destination.
        lost: Told how many items of this process are lost, and why.
    """

    disk: DiskStore
    adopter: Adopter
    lost: Callable[[int, str], None]


class Housekeeper:
    """The spool of one pipeline, over all its signals.

    Args:
        settings: Folder and bounds.
        ledger: Where losses of ended processes are counted.
    """

    def __init__(self, settings: PipelineSettings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._expired_s = time.monotonic()
        self._stores: dict[Signal, SignalStores] = {}

    def make_stores(
        self, signal: Signal, destination: Destination, lost: Callable[[int, str], None]
    ) -> SignalStores | None:
        """The spool of a signal; None where nobody named a destination or wants a spool.

        Args:
            signal: The signal.
            destination: Where it goes.
            lost: Told how many items of this process are lost, and why.
        """
        root = self._settings.spool_dir
        if root is None or not destination.named_by_user:
            return None
        if not lock.SUPPORTED:
            _log.info("This system offers no file locks that vaquero can use: nothing is spooled.")
            return None
        place = DestinationFolder(root, signal, destination)
        max_bytes = self._settings.spool_max_bytes
        disk = DiskStore(place, max_bytes, lambda items: lost(items, "spool_damaged"))
        expired = partial(self._count_foreign, signal, "spool_expired")
        adopter = Adopter(place, disk, self._settings.spool_max_age_s, expired)
        self._stores[signal] = SignalStores(disk, adopter, lost)
        return self._stores[signal]

    def keep_refused(self, signal: Signal, body: bytes, items: int) -> bool:
        """Keep a refused request for a later resend; False where it cannot be."""
        stores = self._stores.get(signal)
        if stores is None:
            return False
        number = int.from_bytes(os.urandom(8), "little")
        request = Frame(signal, items, int(time.time()), number, body)
        place = stores.adopter.place
        try:
            return refused.store(place.open(), request, self._settings.refused_max_bytes)
        except OSError:
            return False

    def enforce_bounds(self) -> None:
        """Hold the bounds: after a segment was filled, and now and then for the age."""
        root = self._settings.spool_dir
        if root is None:
            return
        filled = False
        for stores in self._stores.values():
            spool = stores.disk.spool
            if spool is not None and spool.rolled:
                spool.rolled = False
                filled = True
        now = time.monotonic()
        if not filled and now - self._expired_s < EXPIRY_INTERVAL_S:
            return
        self._expired_s = now
        for stores in self._stores.values():
            if stores.disk.spool is not None:
                stores.disk.spool.seal_by_age(SEGMENT_AGE_S)
        self._enforce(root)

    def _enforce(self, root: Path) -> None:
        own: dict[tuple[str, str], quota.Droppable] = {}
        spare: dict[tuple[str, str], int] = {}
        owners: dict[tuple[str, str], SignalStores] = {}
        for stores in self._stores.values():
            place = stores.adopter.place.name
            if stores.disk.spool is not None:
                key = (place, stores.disk.name)
                own[key], owners[key] = stores.disk, stores
                spare[key] = stores.disk.current_number
            for adopted in stores.adopter.sources():
                own[place, adopted.name] = adopted.reader
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

    def _count(self, owner: SignalStores | None, reason: str, items: int) -> None:
        if owner is None:
            # Which signal it was is not known without reading it; spans are the most likely.
            self._count_foreign("traces", reason, items)
            return
        owner.lost(items, reason)
        _log_dropped(reason, items)

    def _count_foreign(self, signal: Signal, reason: str, items: int) -> None:
        """What an ended process left, which cannot count it any more."""
        self._ledger.accept(signal, items)
        self._ledger.drop(signal, reason, items)
        _log_dropped(reason, items)


def _log_dropped(reason: str, items: int) -> None:
    if items:
        _log.warn(
            reason,
            "vaquero dropped the oldest data in its spool, %d items: %s.",
            items,
            "it is full" if reason == "spool_full" else "it is too old",
        )
