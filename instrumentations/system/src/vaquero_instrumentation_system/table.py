"""The metric table of the host: one row per metric."""

from __future__ import annotations

from typing import Final

from vaquero_instrumentation_common import COUNTER, GAUGE, UP_DOWN_COUNTER, MetricRow

from vaquero_instrumentation_system import points as p
from vaquero_instrumentation_system import sources as s

_DISK: Final = ("system.device", "disk.io.direction")
_NET: Final = ("network.interface.name", "network.io.direction")
_MOUNT: Final = (
    "system.device",
    "system.filesystem.mountpoint",
    "system.filesystem.type",
    "system.filesystem.mode",
)


def _disk(read: str, write: str) -> tuple[str, str, dict[str, str]]:
    return p.DEVICE, "disk.io.direction", {"read": read, "write": write}


def _net(receive: str, transmit: str) -> tuple[str, str, dict[str, str]]:
    return p.INTERFACE, "network.io.direction", {"receive": receive, "transmit": transmit}


def system_rows(detail: tuple[str, ...] = ()) -> tuple[MetricRow, ...]:
    """Return the rows that are emitted with these words of ``system_detail``."""
    per_core = "cpu" in detail
    frequency = MetricRow(
        "system.cpu.frequency", GAUGE, "Hz", "Clock of the logical CPUs, their mean.",
        ("cpu.logical_number",), s.CPU_INFO,
        lambda reading: p.cpu_frequency(reading, per_core),
        "/sys/devices/system/cpu, /proc/cpuinfo; once in five minutes",
    )  # fmt: skip
    return tuple(row for row in (*_CPU, frequency, *_MEMORY, *_DISKS, *_NETWORK, *_OTHER)
                 if not row.detail or row.detail in detail)  # fmt: skip


_CPU: Final = (
    MetricRow("system.cpu.time", COUNTER, "s", "CPU time since boot, all logical CPUs together.",
              ("cpu.mode", "cpu.logical_number"), s.CPU, p.cpu_time, "/proc/stat"),
    MetricRow("system.cpu.utilization", GAUGE, "1",
              "Share of CPU time in each mode over the window; the modes add up to 1.",
              ("cpu.mode", "cpu.logical_number"), s.CPU, p.cpu_utilization, "/proc/stat"),
    MetricRow("system.cpu.logical.count", UP_DOWN_COUNTER, "{cpu}", "Logical CPUs online.",
              (), s.CPU_INFO, p.value(lambda now: now.logical),
              "/sys/devices/system/cpu; once in five minutes"),
    MetricRow("system.cpu.physical.count", UP_DOWN_COUNTER, "{cpu}", "Processor cores.",
              (), s.CPU_INFO, p.value(lambda now: now.physical),
              "/sys/devices/system/cpu; once in five minutes"),
    MetricRow("vaquero.system.load_average.1m", GAUGE, "{task}",
              "Tasks running or waiting, mean of 1 minute.",
              (), s.LOAD, p.value(lambda now: now[0]), "/proc/loadavg"),
    MetricRow("vaquero.system.load_average.5m", GAUGE, "{task}",
              "Tasks running or waiting, mean of 5 minutes.",
              (), s.LOAD, p.value(lambda now: now[1]), "/proc/loadavg"),
    MetricRow("vaquero.system.load_average.15m", GAUGE, "{task}",
              "Tasks running or waiting, mean of 15 minutes.",
              (), s.LOAD, p.value(lambda now: now[2]), "/proc/loadavg"),
)  # fmt: skip

_MEMORY: Final = (
    MetricRow("system.memory.usage", UP_DOWN_COUNTER, "By",
              "Memory in each state; the states add up to the limit.",
              ("system.memory.state",), s.MEMORY, p.states("system.memory.state", p.memory_states),
              "/proc/meminfo"),
    MetricRow("system.memory.utilization", GAUGE, "1", "Share of the memory that is used.",
              ("system.memory.state",), s.MEMORY, p.memory_share,
              "/proc/meminfo"),
    MetricRow("system.memory.limit", UP_DOWN_COUNTER, "By", "Memory of the machine.",
              (), s.MEMORY, p.value(lambda now: now[0].total), "/proc/meminfo"),
    MetricRow("system.memory.linux.available", UP_DOWN_COUNTER, "By",
              "Memory that programs can still get without swapping.",
              (), s.MEMORY, p.value(lambda now: now[0].available), "/proc/meminfo"),
    MetricRow("system.memory.linux.shared", UP_DOWN_COUNTER, "By",
              "Memory shared between processes, tmpfs among it.",
              (), s.MEMORY, p.value(lambda now: now[0].shared), "/proc/meminfo", "memory"),
    MetricRow("system.memory.linux.slab.usage", UP_DOWN_COUNTER, "By",
              "Memory that the kernel's slab caches hold.",
              ("system.memory.linux.slab.state",), s.MEMORY,
              p.states("system.memory.linux.slab.state", p.slab_states), "/proc/meminfo",
              "memory"),
    MetricRow("system.paging.usage", UP_DOWN_COUNTER, "By",
              "Swap space in each state; nothing on a machine without swap.",
              ("system.paging.state",), s.MEMORY, p.states("system.paging.state", p.swap_states),
              "/proc/meminfo"),
    MetricRow("system.paging.utilization", GAUGE, "1",
              "Share of the swap space in each state; nothing on a machine without swap.",
              ("system.paging.state",), s.MEMORY, p.states("system.paging.state", p.swap_shares),
              "/proc/meminfo"),
    MetricRow("system.paging.faults", COUNTER, "{fault}", "Page faults since boot.",
              ("system.paging.fault.type",), s.PAGES,
              p.states("system.paging.fault.type", p.faults), "/proc/vmstat", "paging"),
    MetricRow("system.paging.operations", COUNTER, "{operation}",
              "Pages swapped in and out since boot; nothing on a machine without swap.",
              ("system.paging.direction", "system.paging.fault.type"), s.PAGES, p.swapping,
              "/proc/vmstat", "paging"),
)  # fmt: skip

_DISKS: Final = (
    MetricRow("system.disk.io", COUNTER, "By", "Bytes read and written since boot.",
              _DISK, s.DISKS, p.directions(*_disk("read_bytes", "write_bytes")),
              "/proc/diskstats"),
    MetricRow("vaquero.disk.io.rate", GAUGE, "By/s",
              "Bytes read and written per second over the window.",
              _DISK, s.DISKS, p.rates(*_disk("read_bytes", "write_bytes")), "/proc/diskstats"),
    MetricRow("system.disk.operations", COUNTER, "{operation}",
              "Reads and writes completed since boot.",
              _DISK, s.DISKS, p.directions(*_disk("read_count", "write_count")),
              "/proc/diskstats"),
    MetricRow("system.disk.merged", COUNTER, "{operation}",
              "Reads and writes that the system merged with a neighbour.",
              _DISK, s.DISKS, p.directions(*_disk("read_merged", "write_merged")),
              "/proc/diskstats", "disk"),
    MetricRow("system.disk.operation_time", COUNTER, "s",
              "Time of all operations added up: waiting ones count each.",
              _DISK, s.DISKS, p.directions(*_disk("read_s", "write_s")), "/proc/diskstats", "disk"),
    MetricRow("system.disk.io_time", COUNTER, "s",
              "Time that devices had something to do, devices added up.",
              ("system.device",), s.DISKS, p.busy_time, "/proc/diskstats"),
    MetricRow("system.filesystem.usage", UP_DOWN_COUNTER, "By",
              "Space in each state, local file systems together.",
              (*_MOUNT, "system.filesystem.state"), s.FILESYSTEMS, p.mount_usage,
              "/proc/self/mounts, statvfs"),
    MetricRow("system.filesystem.utilization", GAUGE, "1",
              "Share of the space that is used, local file systems together.",
              (*_MOUNT, "system.filesystem.state"), s.FILESYSTEMS, p.mount_share,
              "/proc/self/mounts, statvfs"),
    MetricRow("system.filesystem.limit", UP_DOWN_COUNTER, "By",
              "All space, local file systems together.",
              _MOUNT, s.FILESYSTEMS, p.mount_limit, "/proc/self/mounts, statvfs"),
)  # fmt: skip

_NETWORK: Final = (
    MetricRow("system.network.io", COUNTER, "By", "Bytes received and sent since boot.",
              _NET, s.NETWORKS, p.directions(*_net("received_bytes", "sent_bytes")),
              "/proc/net/dev"),
    MetricRow("vaquero.network.io.rate", GAUGE, "By/s",
              "Bytes received and sent per second over the window.",
              _NET, s.NETWORKS, p.rates(*_net("received_bytes", "sent_bytes")), "/proc/net/dev"),
    MetricRow("system.network.packet.count", COUNTER, "{packet}",
              "Packets received and sent since boot.",
              _NET, s.NETWORKS, p.directions(*_net("received_packets", "sent_packets")),
              "/proc/net/dev"),
    MetricRow("system.network.packet.dropped", COUNTER, "{packet}",
              "Packets dropped though there was no error.",
              _NET, s.NETWORKS, p.directions(*_net("received_dropped", "sent_dropped")),
              "/proc/net/dev"),
    MetricRow("system.network.errors", COUNTER, "{error}", "Errors of receiving and sending.",
              _NET, s.NETWORKS, p.directions(*_net("received_errors", "sent_errors")),
              "/proc/net/dev"),
    MetricRow("system.network.connection.count", UP_DOWN_COUNTER, "{connection}",
              "TCP sockets by state.",
              ("network.transport", "network.connection.state"), s.SOCKETS, p.sockets,
              "/proc/net/tcp, /proc/net/tcp6: grows with the number of sockets", "connections"),
)  # fmt: skip

_OTHER: Final = (
    MetricRow("system.process.count", UP_DOWN_COUNTER, "{process}", "Processes.",
              (), s.PROCESSES, p.value(lambda now: now), "link count of /proc"),
    MetricRow("system.uptime", GAUGE, "s", "Time since boot.",
              (), s.UPTIME, p.value(lambda now: now), "CLOCK_BOOTTIME"),
)  # fmt: skip
