"""The metric table of the own process: sources, and one row per metric."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.metrics import Observation
from vaquero_instrumentation_common import (
    COUNTER,
    GAUGE,
    UP_DOWN_COUNTER,
    MetricRow,
    Points,
    Reading,
    Source,
)
from vaquero_instrumentation_common.table import NOTHING, point

from vaquero_instrumentation_process.readers import ProcessReader, Shares, Status, Usage

USAGE: Final = "process usage"
STATUS: Final = "process status"
DESCRIPTORS: Final = "process descriptors"
HANDLES: Final = "process handles"
DISK: Final = "process disk io"
SHARES: Final = "process memory shares"

_REFRESH_S: Final = 60.0

_USER: Final = {"cpu.mode": "user"}
_SYSTEM: Final = {"cpu.mode": "system"}
_MINOR: Final = {"system.paging.fault.type": "minor"}
_MAJOR: Final = {"system.paging.fault.type": "major"}
_VOLUNTARY: Final = {"process.context_switch.type": "voluntary"}
_INVOLUNTARY: Final = {"process.context_switch.type": "involuntary"}
_READ: Final = {"disk.io.direction": "read"}
_WRITE: Final = {"disk.io.direction": "write"}


def process_sources(reader: ProcessReader) -> tuple[Source[Any], ...]:
    """Return the sources of a reader."""
    return (
        Source(USAGE, reader.usage, windowed=True, per_process=True),
        Source(STATUS, reader.status, per_process=True),
        Source(DESCRIPTORS, reader.descriptors, per_process=True),
        Source(HANDLES, reader.handles, per_process=True),
        Source(DISK, reader.disk_io, per_process=True),
        Source(SHARES, reader.shares, per_process=True),
    )


def process_rows(
    reader: ProcessReader, detail: tuple[str, ...] = (), *, windows: bool = False
) -> tuple[MetricRow, ...]:
    """Return the rows that are emitted with these words of ``process_detail``.

    Args:
        reader: Tells what shares are shares of.
        detail: The words.
        windows: Whether handles are counted, or descriptors.
    """
    own = _HANDLES if windows else _DESCRIPTORS
    rows = (*_USAGE, *_machine_rows(_Machine(reader)), *_SIZES, *_REST, own)
    return tuple(row for row in rows if not row.detail or row.detail in detail)


class _Machine:
    """What a share is a share of; asked once, since it hardly changes."""

    def __init__(self, reader: ProcessReader) -> None:
        self._reader = reader
        self._memory: int | None = None
        self._cpus: int | None = None

    def memory(self) -> int:
        if self._memory is None:
            self._memory = self._reader.memory_total()
        return self._memory

    def cpus(self) -> int:
        if self._cpus is None:
            self._cpus = self._reader.cpus()
        return self._cpus


def _machine_rows(machine: _Machine) -> tuple[MetricRow, ...]:
    def cpu_utilization(reading: Reading[Usage]) -> Points:
        now, then = reading.now, reading.then
        if then is None:
            return NOTHING
        span = reading.elapsed_s * machine.cpus()
        return (
            Observation(max(0.0, now.user_s - then.user_s) / span, _USER),
            Observation(max(0.0, now.system_s - then.system_s) / span, _SYSTEM),
        )

    def memory_utilization(reading: Reading[Status]) -> Points:
        return (Observation(reading.now.rss / machine.memory()),)

    return (
        MetricRow("process.cpu.utilization", GAUGE, "1",
                  "CPU time over the window as a share of all CPUs that the process may use.",
                  ("cpu.mode",), USAGE, cpu_utilization, "getrusage"),
        MetricRow("process.memory.utilization", GAUGE, "1",
                  "Resident memory as a share of the machine's memory.",
                  (), STATUS, memory_utilization, "/proc/self/stat"),
    )  # fmt: skip


def _cpu_time(reading: Reading[Usage]) -> Points:
    return Observation(reading.now.user_s, _USER), Observation(reading.now.system_s, _SYSTEM)


def _faults(reading: Reading[Usage]) -> Points:
    now = reading.now
    return [*point(now.minor_faults, _MINOR), *point(now.major_faults, _MAJOR)]


def _switches(reading: Reading[Usage]) -> Points:
    now = reading.now
    return [
        *point(now.voluntary_switches, _VOLUNTARY),
        *point(now.involuntary_switches, _INVOLUNTARY),
    ]


def _rss(reading: Reading[Status]) -> Points:
    return (Observation(reading.now.rss),)


def _virtual(reading: Reading[Status]) -> Points:
    return (Observation(reading.now.virtual),)


def _threads(reading: Reading[Status]) -> Points:
    return (Observation(reading.now.threads),)


def _uptime(reading: Reading[Status]) -> Points:
    return (Observation(reading.now.uptime_s),)


def _number(reading: Reading[int]) -> Points:
    return (Observation(reading.now),)


def _disk(reading: Reading[tuple[int, int]]) -> Points:
    return Observation(reading.now[0], _READ), Observation(reading.now[1], _WRITE)


def _unique(reading: Reading[Shares]) -> Points:
    return (Observation(reading.now.unique),)


def _proportional(reading: Reading[Shares]) -> Points:
    return (Observation(reading.now.proportional),)


_USAGE: Final = (
    MetricRow("process.cpu.time", COUNTER, "s", "CPU time of all threads since the process began.",
              ("cpu.mode",), USAGE, _cpu_time, "getrusage"),
    MetricRow("process.context_switches", COUNTER, "{context_switch}",
              "Times that a thread gave up its CPU (voluntary) or had to (involuntary).",
              ("process.context_switch.type",), USAGE, _switches, "getrusage"),
    MetricRow("process.paging.faults", COUNTER, "{fault}",
              "Page faults; major ones had to read from a disk.",
              ("system.paging.fault.type",), USAGE, _faults, "getrusage"),
)  # fmt: skip

_SIZES: Final = (
    MetricRow("process.memory.usage", UP_DOWN_COUNTER, "By", "Resident memory.",
              (), STATUS, _rss, "/proc/self/stat"),
    MetricRow("process.memory.virtual", UP_DOWN_COUNTER, "By", "Address space committed.",
              (), STATUS, _virtual, "/proc/self/stat"),
    MetricRow("vaquero.process.memory.unique", UP_DOWN_COUNTER, "By",
              "Memory that would be free if this process ended (USS).",
              (), SHARES, _unique, "/proc/self/smaps_rollup: grows with the mappings", "shares"),
    MetricRow("vaquero.process.memory.proportional", UP_DOWN_COUNTER, "By",
              "Unique memory and the process's part of what it shares (PSS).",
              (), SHARES, _proportional, "/proc/self/smaps_rollup: grows with the mappings",
              "shares"),
)  # fmt: skip

_REST: Final = (
    MetricRow("process.thread.count", UP_DOWN_COUNTER, "{thread}", "Threads.",
              (), STATUS, _threads, "/proc/self/stat"),
    MetricRow("process.disk.io", COUNTER, "By", "Bytes read from and written to storage.",
              ("disk.io.direction",), DISK, _disk, "/proc/self/io"),
    MetricRow("process.uptime", GAUGE, "s", "Time since the process began.",
              (), STATUS, _uptime, "/proc/self/stat"),
)  # fmt: skip

_DESCRIPTORS: Final = MetricRow(
    "process.unix.file_descriptor.count", UP_DOWN_COUNTER, "{file_descriptor}",
    "Open descriptors.", (), DESCRIPTORS, _number,
    "/proc/self/fd: one call since Linux 6.2, else a listing",
)  # fmt: skip
_HANDLES: Final = MetricRow(
    "process.windows.handle.count", UP_DOWN_COUNTER, "{handle}", "Open handles, on Windows.",
    (), HANDLES, _number, "psutil; Windows only",
)  # fmt: skip
