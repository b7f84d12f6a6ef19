"""Sending from the spool on request: what ended processes left, and what was refused."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaquero.pipeline.pipeline import Pipeline
from vaquero.pipeline.settings import SIGNALS, Signal
from vaquero.pipeline.spool import folder, refused
from vaquero.pipeline.spool.entries import inventory
from vaquero.pipeline.transport.choice import Transport, make_transport
from vaquero.pipeline.transport.retry import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaquero.pipeline.settings import PipelineSettings


@dataclass(frozen=True)
class Outcome:
    """What became of a drain or resend.

    Attributes:
        sent: Items that the backend confirmed.
        left: Items that still wait.
        lost: Items that the backend refused for good.
        problem: Why some are left; None where none are.
    """

    sent: int
    left: int
    lost: int
    problem: str | None = None


def drain(
    settings: PipelineSettings,
    progress: Callable[[int, int], None] | None = None,
    timeout_s: float = 60.0,
) -> Outcome:
    """Send now what ended processes left for the destinations of these settings.

    Only folders of exactly these destinations are opened: nothing goes to another backend.

    Args:
        settings: The same that the processes had.
        progress: Told ``(items sent so far, items found)`` after each request.
        timeout_s: Longest time to go on where the backend is slow or away.
    """
    total = _orphaned_items(settings)
    if not total:
        return Outcome(0, 0, 0)
    pipeline = Pipeline(settings, None)
    deadline = time.monotonic() + timeout_s
    sender = pipeline._sender
    sender.hurry(True)
    try:
        while time.monotonic() < deadline:
            wait_s = sender.step()
            if progress is not None:
                progress(_settled(pipeline), total)
            if wait_s is None or wait_s > 5.0 or not sender.has_adopted:
                break
            time.sleep(min(wait_s, max(0.0, deadline - time.monotonic())))
    finally:
        sender.hurry(False)
        stats = pipeline.stats()
        pipeline.shutdown(0.1)
    sent = sum(one.acknowledged for one in stats.signals.values())
    lost = sum(sum(one.dropped.values()) for one in stats.signals.values())
    left = _orphaned_items(settings)
    return Outcome(sent, left, lost, (stats.last_error or "time ran out") if left else None)


def _settled(pipeline: Pipeline) -> int:
    return sum(
        one.acknowledged + sum(one.dropped.values()) for one in pipeline.stats().signals.values()
    )


def _orphaned_items(settings: PipelineSettings) -> int:
    root = settings.spool_dir
    if root is None or not (root / folder.KEY_NAME).exists():
        return 0
    handle = folder.open_folder(root, create=False)
    try:
        key = folder.read_key(handle)
    finally:
        os.close(handle)
    ours = {
        folder.destination_name(key, signal, destination)
        for signal in SIGNALS
        if (destination := settings.destination(signal)) is not None
    }
    return sum(
        sum(entry.signals.values())
        for entry in inventory(root)
        if entry.destination in ours and entry.state == "orphaned"
    )


def resend(
    settings: PipelineSettings, progress: Callable[[int, int], None] | None = None
) -> Outcome:
    """Send again what a backend refused, to the destinations of these settings.

    The user asks for this after mending a setting, so it goes to where the settings point now,
    whatever they were when it was refused.

    Args:
        settings: The mended settings.
        progress: Told ``(items sent so far, items found)`` after each request.
    """
    root = settings.spool_dir
    if root is None or not root.exists():
        return Outcome(0, 0, 0)
    total = sum(
        sum(entry.signals.values()) for entry in inventory(root) if entry.state == "refused"
    )
    resender = _Resender(settings, total, progress)
    handle = folder.open_folder(root, create=False)
    try:
        for name in sorted(os.listdir(handle)):
            if folder.is_destination_name(name):
                resender.send_folder(handle, name)
    finally:
        os.close(handle)
        resender.close()
    return Outcome(
        resender.sent, total - resender.sent - resender.lost, resender.lost, resender.problem
    )


class _Resender:
    def __init__(
        self,
        settings: PipelineSettings,
        total: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._settings = settings
        self._total = total
        self._progress = progress
        self._transports: dict[Signal, Transport | None] = {}
        self.sent = self.lost = 0
        self.problem: str | None = None

    def close(self) -> None:
        for transport in self._transports.values():
            if transport is not None:
                transport.close()

    def send_folder(self, root: int, name: str) -> None:
        with suppress(OSError):
            parent = folder.open_inside(root, name, create=False)
            try:
                handle = folder.open_inside(parent, folder.REFUSED_NAME, create=False)
            finally:
                os.close(parent)
            try:
                for file in refused.names(handle):
                    self._send_file(handle, file)
            finally:
                os.close(handle)

    def _send_file(self, handle: int, file: str) -> None:
        one = refused.read(handle, file)
        if one is None:
            os.unlink(file, dir_fd=handle)
            return
        transport = self._transport(one.signal)
        if transport is None:
            return
        destination = self._settings.destination(one.signal)
        timeout_s = destination.timeout_s if destination is not None else 10.0
        result = transport.send(one.payload, f"{one.id:016x}", timeout_s)
        if result.verdict is Verdict.OK:
            os.unlink(file, dir_fd=handle)
            self.sent += one.items - min(result.rejected, one.items)
            self.lost += min(result.rejected, one.items)
        elif result.verdict in (Verdict.DROP, Verdict.SPLIT):
            os.unlink(file, dir_fd=handle)
            self.lost += one.items
            self.problem = result.detail
        else:
            self.problem = result.detail
        if self._progress is not None:
            self._progress(self.sent + self.lost, self._total)

    def _transport(self, signal: Signal) -> Transport | None:
        if signal not in self._transports:
            destination = self._settings.destination(signal)
            try:
                self._transports[signal] = (
                    make_transport(signal, destination, self._settings) if destination else None
                )
            except (ValueError, OSError, ImportError) as error:
                self.problem = str(error)
                self._transports[signal] = None
        return self._transports[signal]
