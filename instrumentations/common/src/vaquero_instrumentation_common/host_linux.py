"""A host read from /proc and /sys directly: a third of the cost of the portable way."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Final

from vaquero_instrumentation_common.files import read_bytes, read_number, read_once
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

_SECTOR: Final = 512
_KIB: Final = 1024
_TICK_S: Final = 1.0 / (os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100)
_MODES: Final = ("user", "nice", "system", "idle", "iowait", "interrupt", "steal")
_MOUNTS_REFRESH_S: Final = 60.0
_LIST_REFRESH_S: Final = 60.0
_ANY: Final = Selection()


class LinuxHost:
    """Reads a Linux host.

    Args:
        root: Where the host's file system is: ``/``, or a mount of it inside a container.
        per_core: Whether CPU times are read for each logical CPU too.
        disks: Which block devices count.
        interfaces: Which network interfaces count.
        mounts: Which mount points count.
    """

    def __init__(
        self,
        root: str = "/",
        *,
        per_core: bool = False,
        disks: Selection = _ANY,
        interfaces: Selection = _ANY,
        mounts: Selection = _ANY,
    ) -> None:
        self._root = root.rstrip("/")
        self._proc = self._root + "/proc"
        self._sys = self._root + "/sys"
        self._per_core = per_core
        self._disk_selection = disks
        self._interface_selection = interfaces
        self._mount_selection = mounts
        # The network of /proc/net is the reader's; the host's is that of its first process.
        self._net = self._proc + ("/1/net/dev" if self._root else "/net/dev")
        self._mounts_file = self._proc + ("/1/mounts" if self._root else "/self/mounts")
        self._disks: list[tuple[str, bytes]] = []
        self._disk_lines = -1
        self._disks_at = 0.0
        self._interfaces: list[tuple[str, bytes]] = []
        self._interface_lines = -1
        self._interfaces_at = 0.0
        self._mounts: list[tuple[str, str, str, str]] = []
        self._mounts_at = -_MOUNTS_REFRESH_S
        self._physical: int | None = None
        self._fixed_links: int | None = None
        self._has_swap: bool | None = None

    def cpu_times(self) -> CpuTimes:
        """Read /proc/stat; guest time is in ``user`` already, softirq goes to ``interrupt``."""
        data = read_once(self._proc + "/stat")
        end = data.find(b"\n")
        total = _cpu_line(data[:end])
        cores: dict[int, tuple[float, ...]] = {}
        if self._per_core:
            for line in data[end + 1 :].splitlines():
                if not line.startswith(b"cpu"):
                    break
                cores[int(line[3 : line.index(b" ")])] = _cpu_line(line)
        return CpuTimes(_MODES, total, cores)

    def cpu_info(self) -> CpuInfo:
        """Read /sys/devices/system/cpu, and /proc/cpuinfo where that has no clock."""
        numbers = self._online()
        base = self._sys + "/devices/system/cpu/cpu"
        clocks: dict[int, float] = {}
        for number in numbers:
            khz = read_number(f"{base}{number}/cpufreq/scaling_cur_freq")
            if khz is None:
                break
            clocks[number] = khz * 1000.0
        if self._physical is None:
            self._physical = _physical_count(base, numbers)
        return CpuInfo(len(numbers), self._physical, clocks or self._clocks())

    def _online(self) -> list[int]:
        try:
            ranges = read_once(self._sys + "/devices/system/cpu/online").decode().strip()
        except OSError:
            return [
                int(line[3 : line.index(b" ")])
                for line in read_once(self._proc + "/stat").splitlines()
                if line.startswith(b"cpu") and line[3:4].isdigit()
            ]
        return _numbers(ranges)

    def _clocks(self) -> Mapping[int, float]:
        clocks: dict[int, float] = {}
        number = -1
        for line in read_bytes(self._proc + "/cpuinfo").splitlines():
            if line.startswith(b"processor"):
                number = int(line.partition(b":")[2])
            elif line.startswith(b"cpu MHz"):
                clocks[number] = float(line.partition(b":")[2]) * 1e6
        return clocks

    def load_average(self) -> tuple[float, float, float]:
        """Read /proc/loadavg."""
        one, five, fifteen = read_once(self._proc + "/loadavg").split(None, 3)[:3]
        return float(one), float(five), float(fifteen)

    def memory(self) -> Memory:
        """Read /proc/meminfo; ``cached`` holds the reclaimable slab: the states add up."""
        memory, _ = self.memory_and_swap()
        return memory

    def swap(self) -> Swap:
        """Read /proc/meminfo."""
        _, swap = self.memory_and_swap()
        return swap

    def memory_and_swap(self) -> tuple[Memory, Swap]:
        """Read /proc/meminfo once for both."""
        data = read_once(self._proc + "/meminfo")

        def size(tag: bytes) -> int | None:
            start = data.find(tag)
            if start < 0:
                return None
            return int(data[start + len(tag) : data.index(b"k", start + len(tag))]) * _KIB

        total, free = size(b"MemTotal:"), size(b"MemFree:")
        if total is None or free is None:
            raise UnsupportedReadingError("/proc/meminfo does not say how much memory there is")
        buffers, reclaimable = size(b"Buffers:") or 0, size(b"SReclaimable:") or 0
        cached = (size(b"\nCached:") or 0) + reclaimable
        available = size(b"MemAvailable:")
        memory = Memory(
            total, free + cached if available is None else available,
            max(0, total - free - buffers - cached), free, buffers, cached,
            size(b"Shmem:"), reclaimable, size(b"SUnreclaim:"),
        )  # fmt: skip
        swap_total, swap_free = size(b"SwapTotal:") or 0, size(b"SwapFree:") or 0
        self._has_swap = swap_total > 0
        return memory, Swap(swap_total, swap_total - swap_free, swap_free)

    def page_counts(self) -> PageCounts:
        """Read /proc/vmstat."""
        data = read_bytes(self._proc + "/vmstat")
        faults, major = _field(data, b"pgfault"), _field(data, b"pgmajfault")
        if self._has_swap is None:
            self.memory_and_swap()
        swapped_in = _field(data, b"pswpin") if self._has_swap else None
        swapped_out = _field(data, b"pswpout") if self._has_swap else None
        return PageCounts(faults - major, major, swapped_in, swapped_out)

    def disks(self) -> Mapping[str, DiskIo]:
        """Read /proc/diskstats."""
        data = read_bytes(self._proc + "/diskstats")
        found: dict[str, DiskIo] = {}
        for name, tag in self._wanted_disks(data):
            start = data.find(tag)
            if start < 0:
                continue  # It went since the list was made.
            n = [int(field) for field in data[start + len(tag) :].split(None, 10)[:10]]
            found[name] = DiskIo(
                n[0], n[4], n[2] * _SECTOR, n[6] * _SECTOR, n[3] / 1000, n[7] / 1000,
                n[1], n[5], n[9] / 1000,
            )  # fmt: skip
        return found

    def _wanted_disks(self, data: bytes) -> list[tuple[str, bytes]]:
        """Return name and field of each disk that counts; looked over when the list changes."""
        lines = data.count(b"\n")
        if lines != self._disk_lines or time.monotonic() - self._disks_at > _LIST_REFRESH_S:
            self._disk_lines, self._disks_at = lines, time.monotonic()
            keys = [line.split(None, 3)[2] for line in data.splitlines()]
            chosen = [(self._classify_disk(key), b" " + key + b" ") for key in keys]
            self._disks = [(name, tag) for name, tag in chosen if name is not None]
        return self._disks

    def _classify_disk(self, key: bytes) -> str | None:
        """Return the name of a whole, real disk that counts (partitions do not)."""
        name = key.decode()
        entry = f"{self._sys}/block/{name.replace('/', '!')}"
        whole = os.path.exists(entry) or not os.path.isdir(self._sys + "/block")
        virtual = "/virtual/" in os.path.realpath(entry)
        return name if whole and selects_disk(name, virtual, self._disk_selection) else None

    def networks(self) -> Mapping[str, NetIo]:
        """Read /proc/net/dev."""
        data = read_bytes(self._net)
        found: dict[str, NetIo] = {}
        for name, tag in self._wanted_interfaces(data):
            start = data.find(tag)
            if start < 0:
                continue  # It went since the list was made.
            n = [int(field) for field in data[start + len(tag) :].split(None, 12)[:12]]
            found[name] = NetIo(n[0], n[8], n[1], n[9], n[2], n[10], n[3], n[11])
        return found

    def _wanted_interfaces(self, data: bytes) -> list[tuple[str, bytes]]:
        """Return name and field of each interface that counts, as ``_wanted_disks``."""
        lines = data.count(b"\n")
        late = time.monotonic() - self._interfaces_at > _LIST_REFRESH_S
        if lines != self._interface_lines or late:
            self._interface_lines, self._interfaces_at = lines, time.monotonic()
            listed = [line.rpartition(b":")[0].strip() for line in data.splitlines()[2:]]
            names = {key.decode(): key for key in listed}
            wanted = selected_interfaces(tuple(names), self._interface_selection)
            # Names are aligned with blanks in front, the first one may follow the header's end.
            self._interfaces = [
                (name, (b" " if b" " + key + b":" in data else b"\n") + key + b":")
                for name, key in names.items()
                if name in wanted
            ]
        return self._interfaces

    def filesystems(self) -> tuple[Filesystem, ...]:
        """Ask each selected mount for its sizes; the list of mounts is a minute old at most."""
        now = time.monotonic()
        if now - self._mounts_at >= _MOUNTS_REFRESH_S:
            self._mounts = self._selected_mounts()
            self._mounts_at = now
        found: list[Filesystem] = []
        for device, mountpoint, fstype, mode in self._mounts:
            try:
                sizes = os.statvfs(self._root + mountpoint)
            except OSError:
                continue
            unit = sizes.f_frsize
            used = (sizes.f_blocks - sizes.f_bfree) * unit
            free = sizes.f_bavail * unit
            reserved = (sizes.f_bfree - sizes.f_bavail) * unit
            found.append(Filesystem(device, mountpoint, fstype, mode, used, free, reserved))
        return tuple(found)

    def _selected_mounts(self) -> list[tuple[str, str, str, str]]:
        by_device: dict[str, tuple[str, str, str, str]] = {}
        for line in read_bytes(self._mounts_file).decode("utf-8", "replace").splitlines():
            fields = line.split(" ")
            device, mountpoint, fstype = fields[0], _unescaped(fields[1]), fields[2]
            if not selects_mount(mountpoint, fstype, self._mount_selection):
                continue
            mode = "ro" if "ro" in fields[3].split(",") else "rw"
            kept = by_device.get(device)
            # A device mounted twice is one file system: the shortest path stands for it.
            if kept is None or len(mountpoint) < len(kept[1]):
                by_device[device] = (device, mountpoint, fstype, mode)
        return list(by_device.values())

    def process_count(self) -> int:
        """Count the host's processes.

        The link count of /proc is that of its fixed folders and one per process: one system
        call, whatever the number. Where a file system counts otherwise, the entries are listed.
        """
        if self._fixed_links is None:
            return self._learn_links()
        if self._fixed_links < 0:
            return _listed_processes(self._proc)
        return os.stat(self._proc).st_nlink - self._fixed_links

    def _learn_links(self) -> int:
        listed = _listed_processes(self._proc)
        with os.scandir(self._proc) as entries:
            fixed = 2 + sum(
                1
                for entry in entries
                if not entry.name.isdigit() and entry.is_dir(follow_symlinks=False)
            )
        by_links = os.stat(self._proc).st_nlink - fixed
        # Fewer links than entries (but for a few that ended meanwhile): not that of Linux.
        trusted = by_links >= listed - max(2, listed // 20)
        self._fixed_links = fixed if trusted else -1
        return by_links if trusted else listed

    def uptime_s(self) -> float:
        """Read the clock that starts at boot (/proc/uptime under another root)."""
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        if clock is not None and not self._root:
            return time.clock_gettime(clock)
        return float(read_once(self._proc + "/uptime").split()[0])


def _cpu_line(line: bytes) -> tuple[float, ...]:
    fields = [int(field) * _TICK_S for field in line.split()[1:9]]
    fields += [0.0] * (8 - len(fields))
    user, nice, system, idle, iowait, irq, softirq, steal = fields
    return user, nice, system, idle, iowait, irq + softirq, steal


def _field(data: bytes, name: bytes) -> int:
    start = data.find(b"\n" + name + b" ")
    if start < 0:
        raise UnsupportedReadingError(f"/proc/vmstat has no {name.decode()}")
    start += len(name) + 2
    end = data.find(b"\n", start)
    return int(data[start : end if end >= 0 else len(data)])


def _listed_processes(proc: str) -> int:
    return sum(1 for name in os.listdir(proc) if name.isdigit())


def _numbers(ranges: str) -> list[int]:
    """Expand a list of ranges of the kernel, as ``0-2,5``."""
    numbers: list[int] = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def _physical_count(base: str, numbers: list[int]) -> int | None:
    """Count distinct sets of sibling threads; None where the kernel does not report them."""
    cores: set[bytes] = set()
    for number in numbers:
        for name in ("core_cpus_list", "thread_siblings_list"):
            try:
                cores.add(read_once(f"{base}{number}/topology/{name}"))
                break
            except OSError:
                continue
    return len(cores) or None


def _unescaped(path: str) -> str:
    """Undo the octal escapes by which mount points write blanks."""
    if "\\" not in path:
        return path
    return path.encode("latin-1", "backslashreplace").decode("unicode_escape")
