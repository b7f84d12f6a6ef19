"""What can be read of the own process, directly on Linux and through psutil elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Final, NamedTuple, Protocol

from vaquero_instrumentation_common import UnsupportedReadingError
from vaquero_instrumentation_common.files import read_bytes, read_once

try:
    import resource as _resource
except ImportError:  # Windows
    _resource = None

resource: Any = _resource

_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Usage(NamedTuple):
    """What the process has used since it began; what the platform does not say is None."""

    user_s: float
    system_s: float
    minor_faults: int | None
    major_faults: int | None
    voluntary_switches: int | None
    involuntary_switches: int | None


class Status(NamedTuple):
    """Sizes in bytes, number of threads, seconds since the process began."""

    rss: int
    virtual: int
    threads: int
    uptime_s: float


class Shares(NamedTuple):
    """Bytes of this process alone, and with its part of what it shares."""

    unique: int
    proportional: int


class ProcessReader(Protocol):
    """A way to read the own process. Methods may raise, each for itself."""

    def usage(self) -> Usage:
        """Read CPU time, faults and switches."""
        ...

    def status(self) -> Status:
        """Read sizes, threads and age."""
        ...

    def descriptors(self) -> int:
        """Count open descriptors."""
        ...

    def handles(self) -> int:
        """Count open handles (Windows)."""
        ...

    def disk_io(self) -> tuple[int, int]:
        """Read the bytes read from and written to disks."""
        ...

    def shares(self) -> Shares:
        """Read unique and proportional size (walks all mappings)."""
        ...

    def memory_total(self) -> int:
        """Read the memory of the machine."""
        ...

    def cpus(self) -> int:
        """Count the CPUs that this process may use."""
        ...


def available_cpus() -> int:
    """Count the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def rusage() -> Usage:
    """Read ``getrusage``: one system call for six values, in microseconds."""
    if resource is None:
        raise UnsupportedReadingError("no getrusage on this platform")
    found = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(
        found.ru_utime, found.ru_stime, found.ru_minflt, found.ru_majflt,
        found.ru_nvcsw, found.ru_nivcsw,
    )  # fmt: skip


class LinuxProcess:
    """Reads ``/proc/self``, which is the child's own after a fork.

    Args:
        proc: The folder that stands for ``/proc``.
    """

    def __init__(self, proc: str = "/proc") -> None:
        self._own = proc + "/self"
        self._counts_by_size: bool | None = None

    def usage(self) -> Usage:
        """Read ``getrusage``."""
        return rusage()

    def status(self) -> Status:
        """Read ``/proc/self/stat``."""
        data = read_once(self._own + "/stat")
        # The name stands in brackets and may hold anything: count from its end.
        fields = data[data.rindex(b")") + 2 :].split(None, 22)
        started_s = int(fields[19]) / _TICKS
        return Status(
            int(fields[21]) * _PAGE,
            int(fields[20]),
            int(fields[17]),
            time.clock_gettime(time.CLOCK_BOOTTIME) - started_s,
        )

    def descriptors(self) -> int:
        """Count descriptors: since Linux 6.2 the size of the folder, else its entries."""
        folder = self._own + "/fd"
        if self._counts_by_size is None:
            # The listing itself holds one descriptor open.
            listed = len(os.listdir(folder)) - 1
            self._counts_by_size = os.stat(folder).st_size == listed and listed > 0
            return listed
        if self._counts_by_size:
            return os.stat(folder).st_size
        return len(os.listdir(folder)) - 1

    def handles(self) -> int:
        """There are none on Linux."""
        raise UnsupportedReadingError("handles are Windows'")

    def disk_io(self) -> tuple[int, int]:
        """Read ``/proc/self/io``: what went to and came from storage, caches aside."""
        data = read_once(self._own + "/io")
        return _after(data, b"\nread_bytes: "), _after(data, b"\nwrite_bytes: ")

    def shares(self) -> Shares:
        """Read ``/proc/self/smaps_rollup``."""
        data = read_bytes(self._own + "/smaps_rollup")
        clean, dirty = _after(data, b"\nPrivate_Clean:"), _after(data, b"\nPrivate_Dirty:")
        return Shares((clean + dirty) * 1024, _after(data, b"\nPss:") * 1024)

    def memory_total(self) -> int:
        """Ask for the physical pages."""
        return os.sysconf("SC_PHYS_PAGES") * _PAGE

    def cpus(self) -> int:
        """Count the CPUs of the affinity mask."""
        return available_cpus()


class PortableProcess:
    """Reads the own process through psutil.

    Args:
        psutil: The module, or a stand-in with the same functions.
    """

    def __init__(self, psutil: Any) -> None:
        self._psutil = psutil
        self._process: Any = None

    def _own(self, name: str) -> Any:
        if self._process is None or self._process.pid != os.getpid():
            self._process = self._psutil.Process(os.getpid())
        method = getattr(self._process, name, None)
        if method is None:
            raise UnsupportedReadingError(f"psutil.Process has no {name} on this platform")
        return method

    def usage(self) -> Usage:
        """Read ``getrusage`` where there is one, else psutil's CPU times and switches."""
        if resource is not None:
            return rusage()
        times = self._own("cpu_times")()
        try:
            switches = self._own("num_ctx_switches")()
            voluntary, involuntary = switches.voluntary, switches.involuntary
        except (UnsupportedReadingError, self._psutil.Error):
            voluntary = involuntary = None
        return Usage(times.user, times.system, None, None, voluntary, involuntary)

    def status(self) -> Status:
        """Read ``memory_info``, ``num_threads`` and ``create_time``."""
        memory = self._own("memory_info")()
        age = time.time() - self._own("create_time")()
        return Status(memory.rss, memory.vms, self._own("num_threads")(), max(0.0, age))

    def descriptors(self) -> int:
        """Read ``num_fds``."""
        return self._own("num_fds")()

    def handles(self) -> int:
        """Read ``num_handles``."""
        return self._own("num_handles")()

    def disk_io(self) -> tuple[int, int]:
        """Read ``io_counters``."""
        found = self._own("io_counters")()
        return found.read_bytes, found.write_bytes

    def shares(self) -> Shares:
        """Read ``memory_full_info``; platforms without a proportional size give the unique one."""
        found = self._own("memory_full_info")()
        return Shares(found.uss, getattr(found, "pss", found.uss))

    def memory_total(self) -> int:
        """Read ``psutil.virtual_memory``."""
        return self._psutil.virtual_memory().total

    def cpus(self) -> int:
        """Count the CPUs that the process may use."""
        return available_cpus()


def _after(data: bytes, name: bytes) -> int:
    """Return the number that follows ``name``."""
    data = b"\n" + data
    start = data.find(name)
    if start < 0:
        raise UnsupportedReadingError(f"no {name.decode().strip()} here")
    return int(data[start + len(name) :].split(None, 1)[0])


def process_reader() -> ProcessReader:
    """Return the direct reader on Linux with /proc, the portable one elsewhere."""
    if sys.platform.startswith("linux") and os.access("/proc/self/stat", os.R_OK):
        return LinuxProcess()
    import psutil

    return PortableProcess(psutil)
