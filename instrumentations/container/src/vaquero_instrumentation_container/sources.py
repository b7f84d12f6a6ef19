"""What the container's metrics are read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from vaquero_instrumentation_common import Source, UnsupportedReadingError
from vaquero_instrumentation_common.cgroup import (
    CgroupReader,
    GroupCpu,
    GroupMemory,
    read_pressure,
)
from vaquero_instrumentation_common.host import CpuTimes, HostReader, Memory

CPU: Final = "container CPU"
MEMORY: Final = "container memory"
PRESSURE: Final = "container pressure"

CGROUP: Final = "cgroup"
HOST: Final = "host"


class CpuFacts(NamedTuple):
    """CPU of the group where there is one, and of the host where that is what limits."""

    group: GroupCpu | None
    host: CpuTimes | None


class MemoryFacts(NamedTuple):
    """Memory of the group where there is one, and of the host where that is what limits."""

    group: GroupMemory | None
    host: Memory | None


class Pressure(NamedTuple):
    """Seconds lost by (resource, kind), and whether of the group or the host."""

    lost_s: Mapping[tuple[str, str], float]
    source: str


class Facts:
    """Reads the group, and the host where the group sets no tighter limit.

    Args:
        group: Reader of the control groups, None on a platform without.
        host: Reader of the host.
        root: Where ``/proc`` is found.
    """

    def __init__(self, group: CgroupReader | None, host: HostReader, root: str = "/") -> None:
        self._group = group
        self._host = host
        self._pressure_pattern = root.rstrip("/") + "/proc/pressure/{}"
        self._memory_total: int | None = None
        self._cpus: int | None = None

    def cpu(self) -> CpuFacts:
        """Read the CPU."""
        group = self._group.cpu() if self._group else None
        return CpuFacts(group, None if self._limits(group) else self._host.cpu_times())

    def memory(self) -> MemoryFacts:
        """Read the memory."""
        group = self._group.memory() if self._group else None
        limited = group is not None and group.limit is not None and group.limit < self._total()
        return MemoryFacts(group, None if limited else self._host.memory())

    def pressure(self) -> Pressure:
        """Read the pressure of the group, else of the host.

        Raises:
            UnsupportedReadingError: The kernel does not tell.
        """
        own = self._group.pressure() if self._group else {}
        if own:
            return Pressure(own, CGROUP)
        host = read_pressure(self._pressure_pattern)
        if not host:
            raise UnsupportedReadingError("the kernel has no pressure stall information")
        return Pressure(host, HOST)

    def _limits(self, group: GroupCpu | None) -> bool:
        """Whether a quota below the machine's CPUs holds, and use against it can be read."""
        if group is None or group.limit is None or not group.levels:
            return False
        return group.limit < self._logical()

    def _logical(self) -> int:
        if self._cpus is None:
            self._cpus = self._host.cpu_info().logical
        return self._cpus

    def _total(self) -> int:
        if self._memory_total is None:
            self._memory_total = self._host.memory().total
        return self._memory_total


def container_sources(facts: Facts) -> tuple[Source[Any], ...]:
    """Return the sources."""
    return (
        Source(CPU, facts.cpu, windowed=True),
        Source(MEMORY, facts.memory),
        Source(PRESSURE, facts.pressure, windowed=True),
    )
