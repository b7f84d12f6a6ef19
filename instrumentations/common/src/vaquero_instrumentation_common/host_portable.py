"""A host read through psutil: every platform that psutil knows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from vaquero_instrumentation_common.guard import UnsupportedReadingError
from vaquero_instrumentation_common.host import (
    CpuInfo,
    CpuTimes,
    DiskIo,
    Filesystem,
    Memory,
    NetIo,
    PageCounts,
    Selection,
    Swap,
    selected_interfaces,
    selects_disk,
    selects_mount,
)

_ANY: Final = Selection()

# Name of psutil -> cpu.mode; guest time is part of user, so it does not appear.
_MODES: Final = (
    ("user", ("user",)),
    ("nice", ("nice",)),
    ("system", ("system",)),
    ("idle", ("idle",)),
    ("iowait", ("iowait",)),
    ("interrupt", ("irq", "softirq", "interrupt")),
    ("steal", ("steal",)),
)


class PortableHost:
    """Reads a host through psutil.

    Args:
        psutil: The module, or a stand-in with the same functions.
        per_core: Whether CPU times are read for each logical CPU too.
        disks: Which disks count.
        interfaces: Which network interfaces count.
        mounts: Which mount points count.
    """

    def __init__(
        self,
        psutil: Any,
        *,
        per_core: bool = False,
        disks: Selection = _ANY,
        interfaces: Selection = _ANY,
        mounts: Selection = _ANY,
    ) -> None:
        self._psutil = psutil
        self._per_core = per_core
        self._disk_selection = disks
        self._interface_selection = interfaces
        self._mount_selection = mounts

    def _function(self, name: str) -> Callable[..., Any]:
        function = getattr(self._psutil, name, None)
        if function is None:
            raise UnsupportedReadingError(f"psutil has no {name} on this platform")
        return function

    def cpu_times(self) -> CpuTimes:
        """Read ``psutil.cpu_times``."""
        read = self._function("cpu_times")
        modes, total = _modes(read())
        cores: dict[int, tuple[float, ...]] = {}
        if self._per_core:
            cores = {number: _modes(core)[1] for number, core in enumerate(read(percpu=True))}
        return CpuTimes(modes, total, cores)

    def cpu_info(self) -> CpuInfo:
        """Read ``psutil.cpu_count`` and ``psutil.cpu_freq``."""
        count = self._function("cpu_count")
        logical = count(logical=True)
        if not logical:
            raise UnsupportedReadingError("psutil does not know the number of CPUs")
        clocks: dict[int, float] = {}
        try:
            rows = self._function("cpu_freq")(percpu=True) or ()
            clocks = {n: row.current * 1e6 for n, row in enumerate(rows) if row.current}
        except (UnsupportedReadingError, OSError, NotImplementedError, RuntimeError):
            pass  # Many machines do not report it; the counts are right without.
        return CpuInfo(logical, count(logical=False), clocks)

    def load_average(self) -> tuple[float, float, float]:
        """Read the system's load average; Windows has none that psutil need not emulate."""
        if not hasattr(os, "getloadavg"):
            raise UnsupportedReadingError("this platform has no load average")
        return os.getloadavg()

    def memory(self) -> Memory:
        """Read ``psutil.virtual_memory``; ``used`` is what is left beside the other states."""
        found = self._function("virtual_memory")()
        buffers, cached = getattr(found, "buffers", None), getattr(found, "cached", None)
        used = found.total - found.free - (buffers or 0) - (cached or 0)
        slab = getattr(found, "slab", None)
        return Memory(
            found.total, found.available, max(0, used), found.free, buffers, cached,
            getattr(found, "shared", None), slab, None,
        )  # fmt: skip

    def swap(self) -> Swap:
        """Read ``psutil.swap_memory``."""
        found = self._function("swap_memory")()
        return Swap(found.total, found.used, found.free)

    def memory_and_swap(self) -> tuple[Memory, Swap]:
        """Read both; a platform that refuses swap still gives its memory."""
        memory = self.memory()
        try:
            return memory, self.swap()
        except (UnsupportedReadingError, OSError, RuntimeError):
            return memory, Swap(0, 0, 0)

    def page_counts(self) -> PageCounts:
        """Not reported by psutil."""
        raise UnsupportedReadingError("psutil does not count page faults of the system")

    def disks(self) -> Mapping[str, DiskIo]:
        """Read ``psutil.disk_io_counters``."""
        rows: dict[str, Any] = self._function("disk_io_counters")(perdisk=True, nowrap=False) or {}
        return {
            name: DiskIo(
                row.read_count, row.write_count, row.read_bytes, row.write_bytes,
                getattr(row, "read_time", 0) / 1000, getattr(row, "write_time", 0) / 1000,
                getattr(row, "read_merged_count", None), getattr(row, "write_merged_count", None),
                _seconds(getattr(row, "busy_time", None)),
            )
            for name, row in rows.items()
            if not _is_partition(name, rows) and selects_disk(name, False, self._disk_selection)
        }  # fmt: skip

    def networks(self) -> Mapping[str, NetIo]:
        """Read ``psutil.net_io_counters``."""
        rows: dict[str, Any] = self._function("net_io_counters")(pernic=True, nowrap=False) or {}
        return {
            name: NetIo(
                rows[name].bytes_recv, rows[name].bytes_sent,
                rows[name].packets_recv, rows[name].packets_sent,
                rows[name].errin, rows[name].errout, rows[name].dropin, rows[name].dropout,
            )
            for name in selected_interfaces(tuple(rows), self._interface_selection)
        }  # fmt: skip

    def filesystems(self) -> tuple[Filesystem, ...]:
        """Read ``psutil.disk_partitions`` and the usage of each."""
        usage = self._function("disk_usage")
        found: dict[str, Filesystem] = {}
        for mount in self._function("disk_partitions")(all=bool(self._mount_selection.include)):
            if not selects_mount(mount.mountpoint, mount.fstype, self._mount_selection):
                continue
            try:
                sizes = usage(mount.mountpoint)
            except OSError:
                continue  # An empty card reader, a folder without permission.
            mode = "ro" if "ro" in mount.opts.split(",") else "rw"
            reserved = max(0, sizes.total - sizes.used - sizes.free)
            row = Filesystem(
                mount.device, mount.mountpoint, mount.fstype, mode, sizes.used, sizes.free, reserved
            )
            kept = found.get(mount.device)
            if kept is None or len(row.mountpoint) < len(kept.mountpoint):
                found[mount.device] = row
        return tuple(found.values())

    def process_count(self) -> int:
        """Count ``psutil.pids``."""
        return len(self._function("pids")())

    def uptime_s(self) -> float:
        """Subtract ``psutil.boot_time`` from the clock."""
        return time.time() - self._function("boot_time")()


def _modes(times: Any) -> tuple[tuple[str, ...], tuple[float, ...]]:
    names: list[str] = []
    values: list[float] = []
    for mode, parts in _MODES:
        found = [getattr(times, part) for part in parts if hasattr(times, part)]
        if found:
            names.append(mode)
            values.append(float(sum(found)))
    return tuple(names), tuple(values)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _is_partition(name: str, names: Mapping[str, Any]) -> bool:
    """Whether the name is another's with a number: sda1 of sda, nvme0n1p2 of nvme0n1."""
    stem = name.rstrip("0123456789")
    if stem == name:
        return False
    return stem in names or (stem.endswith("p") and stem[:-1] in names)
