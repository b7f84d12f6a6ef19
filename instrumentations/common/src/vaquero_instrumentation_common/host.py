"""What can be read of a host, in one shape for every platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, TypeVar

from vaquero_instrumentation_common.patterns import matches


class CpuTimes(NamedTuple):
    """CPU time in seconds since boot.

    Attributes:
        modes: Names by the convention ``cpu.mode``.
        total: Sums over all logical CPUs, aligned with ``modes``.
        cores: The same per logical CPU number; empty when not asked for.
    """

    modes: tuple[str, ...]
    total: tuple[float, ...]
    cores: Mapping[int, tuple[float, ...]]


class Memory(NamedTuple):
    """Memory in bytes; what the platform does not report is None."""

    total: int
    available: int
    used: int
    free: int
    buffers: int | None
    cached: int | None
    shared: int | None
    slab_reclaimable: int | None
    slab_unreclaimable: int | None


class Swap(NamedTuple):
    """Swap space in bytes."""

    total: int
    used: int
    free: int


class PageCounts(NamedTuple):
    """Paging since boot: faults by kind, pages swapped (None on a machine without swap)."""

    minor_faults: int
    major_faults: int
    swapped_in: int | None
    swapped_out: int | None


class DiskIo(NamedTuple):
    """Counts of one device since boot: operations, bytes, seconds."""

    read_count: int
    write_count: int
    read_bytes: int
    write_bytes: int
    read_s: float
    write_s: float
    read_merged: int | None
    write_merged: int | None
    busy_s: float | None


class NetIo(NamedTuple):
    """Counts of one interface since it came up."""

    received_bytes: int
    sent_bytes: int
    received_packets: int
    sent_packets: int
    received_errors: int
    sent_errors: int
    received_dropped: int
    sent_dropped: int


class Filesystem(NamedTuple):
    """One mounted file system; sizes in bytes, ``reserved`` is root's share."""

    device: str
    mountpoint: str
    type: str
    mode: str
    used: int
    free: int
    reserved: int


class CpuInfo(NamedTuple):
    """Processors: counts, and clock in Hz per logical CPU number (empty when not known)."""

    logical: int
    physical: int | None
    frequency_hz: Mapping[int, float]


class HostReader(Protocol):
    """A way to read a host.

    Each method may raise OSError or UnsupportedReadingError, for itself alone.
    """

    def cpu_times(self) -> CpuTimes:
        """Read the CPU times."""
        ...

    def cpu_info(self) -> CpuInfo:
        """Read counts and clocks of the processors (slow on large machines)."""
        ...

    def load_average(self) -> tuple[float, float, float]:
        """Read the mean number of runnable tasks over 1, 5 and 15 minutes."""
        ...

    def memory(self) -> Memory:
        """Read the memory."""
        ...

    def swap(self) -> Swap:
        """Read the swap space."""
        ...

    def page_counts(self) -> PageCounts:
        """Read the paging counters."""
        ...

    def disks(self) -> Mapping[str, DiskIo]:
        """Read the counters of each selected device."""
        ...

    def networks(self) -> Mapping[str, NetIo]:
        """Read the counters of each selected interface."""
        ...

    def filesystems(self) -> tuple[Filesystem, ...]:
        """Read sizes of the selected file systems, each device once."""
        ...

    def process_count(self) -> int:
        """Count the processes."""
        ...

    def uptime_s(self) -> float:
        """Seconds since boot."""
        ...


class Selection(NamedTuple):
    """Which devices, interfaces or mount points count.

    Attributes:
        include: Patterns; when there are any, only what matches counts, virtual or not.
        exclude: Patterns of what does not count.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def excludes(self, name: str) -> bool:
        """Whether the user's patterns leave ``name`` out."""
        if self.include:
            return not matches(name, self.include) or matches(name, self.exclude)
        return matches(name, self.exclude)


VIRTUAL_INTERFACES = (
    "lo", "lo0", "Loopback*", "veth*", "docker*", "br-*", "virbr*", "vnet*", "cni*", "flannel*",
    "cali*", "cilium*", "lxc*", "lxd*", "kube-*", "nodelocaldns", "tunl*", "dummy*", "ifb*",
    "vxlan*", "sit*", "ip6tnl*", "ip_vti*", "ip6_vti*", "gre*", "gretap*", "erspan*", "tun*",
    "tap*", "wg*", "bond*", "team*", "*.[0-9]*", "gif*", "stf*", "awdl*", "llw*", "utun*",
    "anpi*", "bridge*", "ap[0-9]*", "p2p*",
)  # fmt: skip
"""Interfaces whose bytes are counted elsewhere too, or never leave the machine."""


def selected_interfaces(names: tuple[str, ...], selection: Selection) -> frozenset[str]:
    """Return the interfaces that count: those asked for, else the real ones, else any but lo."""
    wanted = [name for name in names if not selection.excludes(name)]
    if selection.include:
        return frozenset(wanted)
    real = [name for name in wanted if not matches(name, VIRTUAL_INTERFACES)]
    return frozenset(real or [name for name in wanted if name not in ("lo", "lo0")])


VIRTUAL_DISKS = ("loop*", "ram*", "zram*", "dm-*", "md*", "sr*", "fd*", "nbd*", "nvme*c*n*")
"""Devices that are no disk of their own: their bytes are those of a disk below."""

VIRTUAL_FILESYSTEMS = frozenset(
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devfs devpts devtmpfs efivarfs "
    "fdescfs fusectl hugetlbfs iso9660 mqueue nsfs nullfs overlay proc procfs pstore ramfs "
    "rpc_pipefs securityfs selinuxfs squashfs sysfs tmpfs tracefs aufs erofs devfs".split()
)
NETWORK_FILESYSTEMS = ("nfs*", "cifs", "smb*", "afs", "9p", "ceph", "glusterfs", "lustre", "fuse*",
                       "davfs*", "ncpfs", "virtiofs")  # fmt: skip
"""Not asked unless included by name: one that has gone away would block the reader."""
CONTAINER_MOUNTS = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/var/lib/docker/*",
                    "/var/lib/containers/*", "/var/lib/kubelet/*", "/run/containerd/*",
                    "/snap/*", "/dev/*", "/proc/*", "/sys/*")  # fmt: skip


def selects_mount(mountpoint: str, fstype: str, selection: Selection) -> bool:
    """Whether a mount point counts, before its device is looked at."""
    if selection.excludes(mountpoint):
        return False
    if selection.include:
        return True
    if fstype in VIRTUAL_FILESYSTEMS or matches(fstype, NETWORK_FILESYSTEMS):
        return False
    return not matches(mountpoint, CONTAINER_MOUNTS)


def selects_disk(name: str, is_virtual: bool, selection: Selection) -> bool:
    """Whether a block device counts."""
    if selection.excludes(name):
        return False
    return bool(selection.include) or not (is_virtual or matches(name, VIRTUAL_DISKS))


def total_disk(disks: Mapping[str, DiskIo]) -> DiskIo | None:
    """Add up devices; None when there is none. ``busy_s`` is a sum: it can pass wall time."""
    rows = list(disks.values())
    if not rows:
        return None
    if len(rows) == 1:
        return rows[0]
    return DiskIo(
        sum(row.read_count for row in rows),
        sum(row.write_count for row in rows),
        sum(row.read_bytes for row in rows),
        sum(row.write_bytes for row in rows),
        sum(row.read_s for row in rows),
        sum(row.write_s for row in rows),
        _sum([row.read_merged for row in rows]),
        _sum([row.write_merged for row in rows]),
        _sum([row.busy_s for row in rows]),
    )


def total_network(networks: Mapping[str, NetIo]) -> NetIo | None:
    """Add up interfaces; None when there is none."""
    rows = list(networks.values())
    if not rows:
        return None
    return rows[0] if len(rows) == 1 else NetIo(*map(sum, zip(*rows, strict=True)))


_Number = TypeVar("_Number", int, float)


def _sum(values: list[_Number | None]) -> _Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
