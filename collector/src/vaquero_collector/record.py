"""The record of a running Collector: what `status`, `stop` and `logs` know it by."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from vaquero_collector import places


@dataclass(frozen=True)
class Record:
    """One Collector that was started.

    Attributes:
        pid: Process id.
        created: When the process began, seconds since the epoch; tells it from a later one.
        http_url: Where senders send OTLP over HTTP.
        grpc_url: Where senders send OTLP over gRPC.
        health_url: Answers 200 when it is ready.
        metrics_url: Its own metrics.
        destination: Where it forwards to, without secrets.
        overlays: Names of its overlays.
        log: Path of its log.
        queue: Path of its queue.
        folder: Path of the folder that this record is in.
    """

    pid: int
    created: float
    http_url: str
    grpc_url: str
    health_url: str
    metrics_url: str
    destination: str
    overlays: tuple[str, ...]
    log: str
    queue: str
    folder: str

    def process(self) -> psutil.Process | None:
        """Return its process, None when it has ended."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 2
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def write(record: Record) -> None:
    """Keep a record; a reader sees the old one or the new one, never half of it."""
    path = Path(record.folder) / "run.json"
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    os.replace(fresh, path)


def read(folder: Path) -> Record | None:
    """Return the record in a folder, None where there is none that can be read."""
    try:
        values: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        values["overlays"] = tuple(values["overlays"])
        return Record(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def running(state: Path | None = None) -> Iterator[Record]:
    """Yield the record of each Collector of this user that runs now."""
    folder = state or places.state_folder()
    if not folder.is_dir():
        return
    for place in sorted(folder.iterdir()):
        record = read(place)
        if record is not None and record.process() is not None:
            yield record


def lock(folder: Path) -> IO[str] | None:
    """Take the lock of a folder, or return None where a Collector has it.

    The Collector inherits the open file: the lock is held as long as *it* lives, whoever
    started it, and goes with it however it ends.
    """
    handle = (folder / "lock").open("a")
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return None
    return handle
