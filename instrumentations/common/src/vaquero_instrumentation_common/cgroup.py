"""Readers of control groups, version 1, version 2, and the two mixed.

A limit can stand in any group between one's own and the root that is visible, so limits are the
least of all of them, and utilisation is the greatest: each group's use against its own limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from vaquero_instrumentation_common.files import read_number, read_once
from vaquero_instrumentation_common.guard import UnsupportedReadingError

# Version 1 says "no limit" by a number of pages that no machine has.
_NO_LIMIT: Final = 1 << 60
_TICK_S: Final = 1.0 / (os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100)


class Groups(NamedTuple):
    """Folders of the groups of this process, own first, then its ancestors, without the root.

    Attributes:
        path: Path of the own group as the kernel names it; ``/`` for a root.
        unified: Groups of version 2; in the mixed layout they hold pressure alone.
        memory: Groups of version 1 for memory.
        cpu: Groups of version 1 for CPU quota.
        cpuacct: Groups of version 1 for CPU time.
    """

    path: str = "/"
    unified: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    cpu: tuple[str, ...] = ()
    cpuacct: tuple[str, ...] = ()


class GroupMemory(NamedTuple):
    """Memory of the own group in bytes; what the kernel does not report is None."""

    usage: int
    working_set: int
    anonymous: int | None
    limit: int | None
    utilization: float | None
    minor_faults: int | None
    major_faults: int | None


class LevelCpu(NamedTuple):
    """CPU seconds used by a group that has a quota, and that quota in CPUs."""

    used_s: float
    quota: float


class GroupCpu(NamedTuple):
    """CPU of the own group: seconds, counts of periods, least quota in CPUs.

    ``levels`` holds each group that has a quota and whose use can be read, by folder. The
    seconds are None where version 1 counts time in another tree than the quota's.
    """

    used_s: float | None
    user_s: float | None
    system_s: float | None
    periods: int | None
    throttled_periods: int | None
    throttled_s: float | None
    limit: float | None
    levels: dict[str, LevelCpu]


def find_groups(root: str = "/") -> Groups:
    """Find the groups of this process.

    Args:
        root: Where ``/proc`` and ``/sys`` are found.

    Raises:
        UnsupportedReadingError: This platform has no control groups.
    """
    base = root.rstrip("/")
    try:
        mine = read_once(base + "/proc/self/cgroup").decode("utf-8", "replace")
        mounted = read_once(base + "/proc/self/mountinfo").decode("utf-8", "replace")
    except OSError as problem:
        raise UnsupportedReadingError(str(problem)) from None
    mounts = list(_mounts(mounted))
    paths: dict[str, str] = {}
    folders: dict[str, tuple[str, ...]] = {}
    for line in mine.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(",") if controllers else ("",):
            if controller not in ("", "memory", "cpu", "cpuacct"):
                continue
            found = _levels(base, path, controller, mounts)
            if found:
                folders[controller] = found
                paths[controller] = path
    named = [paths[name] for name in ("memory", "cpu", "") if paths.get(name, "/") != "/"]
    return Groups(
        named[0] if named else "/",
        folders.get("", ()),
        folders.get("memory", ()),
        folders.get("cpu", ()),
        folders.get("cpuacct", ()),
    )


class _Mount(NamedTuple):
    root: str
    point: str
    version: int
    options: frozenset[str] = frozenset()


def _mounts(text: str) -> Iterator[_Mount]:
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if kind[0] == "cgroup2":
            yield _Mount(fields[3], fields[4], 2)
        elif kind[0] == "cgroup":
            yield _Mount(fields[3], fields[4], 1, frozenset(kind[2].split(",")))


def _levels(base: str, path: str, controller: str, mounts: list[_Mount]) -> tuple[str, ...]:
    """Return the folders from the own group up to the mount point, those that exist."""
    for mount in mounts:
        if (mount.version == 2) != (controller == ""):
            continue
        if mount.version == 1 and controller not in mount.options:
            continue
        top = base + mount.point
        inside = path
        if mount.root != "/":
            # The mount shows a part of the tree only (a container without a name space).
            inside = path[len(mount.root) :] if path.startswith(mount.root) else "/"
        own = os.path.normpath(top + "/" + inside.lstrip("/"))
        if not own.startswith(os.path.normpath(top)) or not os.path.isdir(own):
            own = os.path.normpath(top)
        if os.path.isdir(own):
            upwards = _upwards(own, os.path.normpath(top))
            return tuple(folder for folder in upwards if not _is_root(folder, mount.version))
    return ()


def _is_root(folder: str, version: int) -> bool:
    """Whether this is the root of all groups: its values are the host's, which system.* reports."""
    if version == 1:
        return os.path.exists(folder + "/release_agent")
    return not os.path.exists(folder + "/cgroup.events")


def _upwards(own: str, top: str) -> Iterator[str]:
    folder = own
    while True:
        yield folder
        if folder == top or len(folder) <= len(top):
            return
        folder = os.path.dirname(folder)


class CgroupReader:
    """Reads the groups of this process.

    Args:
        groups: Where they are.
    """

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    @property
    def groups(self) -> Groups:
        """The groups read."""
        return self._groups

    def memory(self) -> GroupMemory | None:
        """Read the memory; None for a group without memory files (the root of version 2)."""
        if self._groups.memory:
            return _memory(self._groups.memory, _V1_MEMORY)
        return _memory(self._groups.unified, _V2_MEMORY)

    def cpu(self) -> GroupCpu | None:
        """Read the CPU; None where no group has CPU files."""
        if self._groups.cpu or self._groups.cpuacct:
            return _cpu_v1(self._groups.cpu, self._groups.cpuacct)
        return _cpu_v2(self._groups.unified)

    def pressure(self) -> dict[tuple[str, str], float]:
        """Read the seconds lost to waiting, by (resource, kind); empty without PSI."""
        if not self._groups.unified:
            return {}
        return read_pressure(self._groups.unified[0] + "/{}.pressure")


class _MemoryFiles(NamedTuple):
    limit: str
    usage: str
    inactive: bytes
    anonymous: bytes
    faults: bytes
    major: bytes


_V1_MEMORY: Final = _MemoryFiles(
    "memory.limit_in_bytes", "memory.usage_in_bytes",
    b"total_inactive_file", b"total_rss", b"total_pgfault", b"total_pgmajfault",
)  # fmt: skip
_V2_MEMORY: Final = _MemoryFiles(
    "memory.max", "memory.current", b"inactive_file", b"anon", b"pgfault", b"pgmajfault"
)


def _memory(levels: tuple[str, ...], files: _MemoryFiles) -> GroupMemory | None:
    if not levels:
        return None
    usage = read_number(f"{levels[0]}/{files.usage}")
    if usage is None:
        return None
    stat = _stat(f"{levels[0]}/memory.stat")
    working_set = max(0, usage - stat.get(files.inactive, 0))
    limits: list[int] = []
    shares: list[float] = []
    for folder in levels:
        limit = read_number(f"{folder}/{files.limit}")
        if limit is None or not 0 < limit < _NO_LIMIT:
            continue
        limits.append(limit)
        used = working_set if folder == levels[0] else _working_set(folder, files)
        shares.append(used / limit)
    faults, major = stat.get(files.faults), stat.get(files.major)
    minor = None if faults is None or major is None else max(0, faults - major)
    return GroupMemory(
        usage, working_set, stat.get(files.anonymous), min(limits, default=None),
        max(shares, default=None), minor, major,
    )  # fmt: skip


def _working_set(folder: str, files: _MemoryFiles) -> int:
    usage = read_number(f"{folder}/{files.usage}") or 0
    return max(0, usage - _stat(f"{folder}/memory.stat").get(files.inactive, 0))


def _cpu_v2(levels: tuple[str, ...]) -> GroupCpu | None:
    if not levels:
        return None
    stat = _stat(levels[0] + "/cpu.stat")
    if b"usage_usec" not in stat:
        return None
    quotas: dict[str, LevelCpu] = {}
    for folder in levels:
        quota = _quota_v2(folder)
        if quota is None:
            continue
        used = stat if folder == levels[0] else _stat(folder + "/cpu.stat")
        quotas[folder] = LevelCpu(used.get(b"usage_usec", 0) / 1e6, quota)
    return GroupCpu(
        stat[b"usage_usec"] / 1e6,
        _scaled(stat.get(b"user_usec"), 1e-6),
        _scaled(stat.get(b"system_usec"), 1e-6),
        stat.get(b"nr_periods"),
        stat.get(b"nr_throttled"),
        _scaled(stat.get(b"throttled_usec"), 1e-6),
        min((level.quota for level in quotas.values()), default=None),
        quotas,
    )


def _quota_v2(folder: str) -> float | None:
    try:
        quota, period = read_once(folder + "/cpu.max").split()[:2]
        return None if quota == b"max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _cpu_v1(cpu: tuple[str, ...], accounting: tuple[str, ...]) -> GroupCpu | None:
    own = read_number(accounting[0] + "/cpuacct.usage") if accounting else None
    has_quota = bool(cpu) and os.path.exists(cpu[0] + "/cpu.cfs_quota_us")
    if own is None and not has_quota:
        return None
    limits: list[float] = []
    levels: dict[str, LevelCpu] = {}
    for depth, folder in enumerate(cpu):
        quota = read_number(folder + "/cpu.cfs_quota_us")
        period = read_number(folder + "/cpu.cfs_period_us")
        if quota is None or not period or quota <= 0:
            continue
        limits.append(quota / period)
        if own is not None:
            used = own if depth == 0 else _v1_usage(accounting, depth, len(cpu))
            levels[folder] = LevelCpu(used / 1e9, quota / period)
    stat = _stat(cpu[0] + "/cpu.stat") if has_quota else {}
    user, system = _v1_modes(accounting[0]) if own is not None else (None, None)
    return GroupCpu(
        _scaled(own, 1e-9), user, system, stat.get(b"nr_periods"), stat.get(b"nr_throttled"),
        _scaled(stat.get(b"throttled_time"), 1e-9), min(limits, default=None), levels,
    )  # fmt: skip


def _v1_usage(accounting: tuple[str, ...], depth: int, depths: int) -> int:
    if len(accounting) != depths:
        return read_number(accounting[0] + "/cpuacct.usage") or 0
    return read_number(accounting[depth] + "/cpuacct.usage") or 0


def _v1_modes(folder: str) -> tuple[float | None, float | None]:
    user = read_number(folder + "/cpuacct.usage_user")
    system = read_number(folder + "/cpuacct.usage_sys")
    if user is not None and system is not None:
        return user / 1e9, system / 1e9
    stat = _stat(folder + "/cpuacct.stat")
    return _scaled(stat.get(b"user"), _TICK_S), _scaled(stat.get(b"system"), _TICK_S)


def read_pressure(pattern: str) -> dict[tuple[str, str], float]:
    """Read pressure stall information: seconds by (``cpu|memory|io``, ``some|full``).

    Args:
        pattern: Path with ``{}`` for the resource, as ``/proc/pressure/{}``.
    """
    found: dict[tuple[str, str], float] = {}
    for resource in ("cpu", "memory", "io"):
        try:
            lines = read_once(pattern.format(resource)).splitlines()
        except OSError:
            continue  # No such file, or a kernel with PSI compiled in and switched off.
        for line in lines:
            kind, _, rest = line.partition(b" ")
            total = rest.rpartition(b"total=")[2]
            if total.isdigit():
                found[resource, kind.decode()] = int(total) / 1e6
    return found


def _stat(path: str) -> dict[bytes, int]:
    """Read a file of lines ``name number``; empty when there is none."""
    try:
        words = read_once(path).split()
    except OSError:
        return {}
    return dict(zip(words[::2], map(int, words[1::2]), strict=False))


def _scaled(value: int | None, factor: float) -> float | None:
    return None if value is None else value * factor
