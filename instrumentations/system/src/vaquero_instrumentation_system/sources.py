"""What the system metrics are read from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from vaquero_instrumentation_common import Source
from vaquero_instrumentation_common.host import (
    CpuTimes,
    DiskIo,
    Filesystem,
    NetIo,
    total_disk,
    total_network,
)
from vaquero_instrumentation_common.platform import FullHostReader, has_proc

from vaquero_instrumentation_system import sockets

INFO_REFRESH_S: Final = 300.0

CPU = "system CPU times"
CPU_INFO = "system processors"
LOAD = "system load average"
MEMORY = "system memory"
PAGES = "system paging"
DISKS = "system disks"
NETWORKS = "system network interfaces"
FILESYSTEMS = "system file systems"
PROCESSES = "system process count"
UPTIME = "system uptime"
SOCKETS = "system sockets"

Cpus = Mapping["int | None", Mapping[str, float]]
Disks = Mapping[str, DiskIo]
Networks = Mapping[str, NetIo]


class MountUse(NamedTuple):
    """Sizes of one mount, or of all together (then without identity)."""

    identity: tuple[tuple[str, str], ...]
    used: int
    free: int
    reserved: int

    @property
    def total(self) -> int:
        """All bytes."""
        return self.used + self.free + self.reserved


def system_sources(
    reader: FullHostReader, detail: tuple[str, ...], root: str = "/"
) -> tuple[Source[Any], ...]:
    """Return the sources of a reader, aggregated except for what ``detail`` names."""
    return (
        Source(CPU, lambda: _cpus(reader.cpu_times(), "cpu" in detail), windowed=True),
        Source(CPU_INFO, reader.cpu_info, refresh_s=INFO_REFRESH_S),
        Source(LOAD, reader.load_average),
        Source(MEMORY, reader.memory_and_swap),
        Source(PAGES, reader.page_counts),
        Source(DISKS, lambda: _disks(reader.disks(), "disk" in detail), windowed=True),
        Source(NETWORKS, lambda: _networks(reader.networks(), "network" in detail), windowed=True),
        Source(FILESYSTEMS, lambda: _mounts(reader.filesystems(), "filesystem" in detail)),
        Source(PROCESSES, reader.process_count),
        Source(UPTIME, reader.uptime_s),
        Source(SOCKETS, _socket_reader(root)),
    )


def _cpus(times: CpuTimes, per_core: bool) -> Cpus:
    if per_core and times.cores:
        return {
            number: dict(zip(times.modes, core, strict=True))
            for number, core in times.cores.items()
        }
    return {None: dict(zip(times.modes, times.total, strict=True))}


def _disks(found: Disks, per_device: bool) -> Disks:
    if per_device:
        return found
    total = total_disk(found)
    return {} if total is None else {"": total}


def _networks(found: Networks, per_interface: bool) -> Networks:
    if per_interface:
        return found
    total = total_network(found)
    return {} if total is None else {"": total}


def _mounts(found: tuple[Filesystem, ...], per_mount: bool) -> tuple[MountUse, ...]:
    if not found:
        return ()
    if per_mount:
        return tuple(MountUse(_identity(row), row.used, row.free, row.reserved) for row in found)
    return (
        MountUse(
            (),
            sum(row.used for row in found),
            sum(row.free for row in found),
            sum(row.reserved for row in found),
        ),
    )


def _identity(row: Filesystem) -> tuple[tuple[str, str], ...]:
    return (
        ("system.device", row.device),
        ("system.filesystem.mountpoint", row.mountpoint),
        ("system.filesystem.type", row.type),
        ("system.filesystem.mode", row.mode),
    )


def _socket_reader(root: str) -> Callable[[], Mapping[tuple[str, str], int]]:
    def read() -> Mapping[tuple[str, str], int]:
        if sys.platform.startswith("linux") and has_proc(root):
            return sockets.from_proc(root)
        import psutil

        return sockets.from_psutil(psutil)

    return read
