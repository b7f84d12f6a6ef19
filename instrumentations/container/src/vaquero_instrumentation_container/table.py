"""The metric table of the container: one row per metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.metrics import Observation
from vaquero_instrumentation_common import (
    COUNTER,
    GAUGE,
    UP_DOWN_COUNTER,
    MetricRow,
    Points,
    Reading,
)
from vaquero_instrumentation_common.cgroup import GroupCpu, GroupMemory
from vaquero_instrumentation_common.table import NOTHING

from vaquero_instrumentation_container.sources import (
    CGROUP,
    CPU,
    HOST,
    MEMORY,
    PRESSURE,
    CpuFacts,
    MemoryFacts,
    Pressure,
)

GROUP_KEY: Final = "process.linux.cgroup"
SOURCE_KEY: Final = "vaquero.limit.source"
_IDLE: Final = frozenset({"idle", "iowait"})
_PRESSURE_KEYS: Final = ("vaquero.pressure.resource", "vaquero.pressure.kind", SOURCE_KEY)


def container_rows(path: str = "/") -> tuple[MetricRow, ...]:
    """Return the rows.

    Args:
        path: The own control group; where it is not a root, every point carries it, since
            several groups of one machine report under one resource.
    """
    return _Rows({} if path == "/" else {GROUP_KEY: path}).all()


class _Rows:
    def __init__(self, base: Mapping[str, Any]) -> None:
        self._base = dict(base)
        self._keys = (GROUP_KEY,)

    def _with(self, **more: str) -> dict[str, Any]:
        return {**self._base, **{key.replace("__", "."): value for key, value in more.items()}}

    def _cpu(self, pick: Callable[[GroupCpu], float | None]) -> Callable[[Reading[Any]], Points]:
        attributes = self._with()

        def read(reading: Reading[CpuFacts]) -> Points:
            group = reading.now.group
            found = None if group is None else pick(group)
            return NOTHING if found is None else (Observation(found, attributes),)

        return read

    def _memory(
        self, pick: Callable[[GroupMemory], float | None]
    ) -> Callable[[Reading[Any]], Points]:
        attributes = self._with()

        def read(reading: Reading[MemoryFacts]) -> Points:
            group = reading.now.group
            found = None if group is None else pick(group)
            return NOTHING if found is None else (Observation(found, attributes),)

        return read

    def _faults(self, reading: Reading[MemoryFacts]) -> Points:
        group = reading.now.group
        if group is None or group.minor_faults is None or group.major_faults is None:
            return NOTHING
        return (
            Observation(group.minor_faults, self._with(system__paging__fault__type="minor")),
            Observation(group.major_faults, self._with(system__paging__fault__type="major")),
        )

    def _cpu_time(self, reading: Reading[CpuFacts]) -> Points:
        group = reading.now.group
        if group is None or group.user_s is None or group.system_s is None:
            return NOTHING
        return (
            Observation(group.user_s, self._with(cpu__mode="user")),
            Observation(group.system_s, self._with(cpu__mode="system")),
        )

    def _cpu_usage(self, reading: Reading[CpuFacts]) -> Points:
        now = reading.now.group
        then = None if reading.then is None else reading.then.group
        if now is None or then is None or now.used_s is None or then.used_s is None:
            return NOTHING
        used = max(0.0, now.used_s - then.used_s) / reading.elapsed_s
        return (Observation(used, self._with()),)

    def _cpu_utilization(self, reading: Reading[CpuFacts]) -> Points:
        if reading.then is None:
            return NOTHING
        group = _share_of_quota(reading.now.group, reading.then.group, reading.elapsed_s)
        return [] if group is None else (Observation(group, self._with()),)

    def _effective_cpu(self, reading: Reading[CpuFacts]) -> Points:
        if reading.then is None:
            return NOTHING
        if reading.now.host is None:
            share = _share_of_quota(reading.now.group, reading.then.group, reading.elapsed_s)
            source = CGROUP
        else:
            share, source = _share_of_host(reading), HOST
        return [] if share is None else (Observation(share, self._limit(source)),)

    def _effective_memory(self, reading: Reading[MemoryFacts]) -> Points:
        group, host = reading.now
        if host is not None:
            share = 1 - host.available / host.total
            return (Observation(share, self._limit(HOST)),)
        if group is None or group.utilization is None:
            return NOTHING
        return (Observation(group.utilization, self._limit(CGROUP)),)

    def _limit(self, source: str) -> dict[str, Any]:
        return self._with(vaquero__limit__source=source)

    def _lost(self, reading: Reading[Pressure]) -> Points:
        now = reading.now
        return [
            Observation(lost, self._stall(resource, kind, now.source))
            for (resource, kind), lost in now.lost_s.items()
        ]

    def _stalled(self, reading: Reading[Pressure]) -> Points:
        now, then = reading.now, reading.then
        if then is None:
            return NOTHING
        return [
            Observation(
                max(0.0, lost - then.lost_s[resource, kind]) / reading.elapsed_s,
                self._stall(resource, kind, now.source),
            )
            for (resource, kind), lost in now.lost_s.items()
            if (resource, kind) in then.lost_s
        ]

    def _stall(self, resource: str, kind: str, source: str) -> dict[str, Any]:
        return self._with(
            vaquero__pressure__resource=resource,
            vaquero__pressure__kind=kind,
            vaquero__limit__source=source,
        )

    def all(self) -> tuple[MetricRow, ...]:
        return (*self._cpu_rows(), *self._memory_rows(), *self._verdict_rows())

    def _cpu_rows(self) -> tuple[MetricRow, ...]:
        own = self._keys
        return (
            MetricRow("container.cpu.time", COUNTER, "s", "CPU time that the group has used.",
                      (*own, "cpu.mode"), CPU, self._cpu_time,
                      "cpu.stat; v1: cpuacct.usage_user, cpuacct.usage_sys"),
            MetricRow("container.cpu.usage", GAUGE, "{cpu}",
                      "CPUs that the group used, mean over the window.",
                      own, CPU, self._cpu_usage, "cpu.stat; v1: cpuacct.usage"),
            MetricRow("vaquero.container.cpu.limit", UP_DOWN_COUNTER, "{cpu}",
                      "CPUs that the group may use, the least of its ancestors' quotas.",
                      own, CPU, self._cpu(lambda g: g.limit),
                      "cpu.max; v1: cpu.cfs_quota_us, cpu.cfs_period_us"),
            MetricRow("vaquero.container.cpu.utilization", GAUGE, "1",
                      "CPU used over the window as a share of the quota.",
                      own, CPU, self._cpu_utilization, "cpu.stat and cpu.max; v1: cpuacct, cpu"),
            MetricRow("vaquero.container.cpu.periods", COUNTER, "{period}",
                      "Quota periods in which the group ran.",
                      own, CPU, self._cpu(lambda g: g.periods), "cpu.stat"),
            MetricRow("vaquero.container.cpu.throttled.periods", COUNTER, "{period}",
                      "Quota periods in which the group was stopped.",
                      own, CPU, self._cpu(lambda g: g.throttled_periods), "cpu.stat"),
            MetricRow("vaquero.container.cpu.throttled.time", COUNTER, "s",
                      "Time for which the group was stopped by its quota.",
                      own, CPU, self._cpu(lambda g: g.throttled_s), "cpu.stat"),
        )  # fmt: skip

    def _memory_rows(self) -> tuple[MetricRow, ...]:
        own = self._keys
        return (
            MetricRow("container.memory.usage", UP_DOWN_COUNTER, "By",
                      "Memory of the group, caches of files among it.",
                      own, MEMORY, self._memory(lambda g: g.usage),
                      "memory.current; v1: memory.usage_in_bytes"),
            MetricRow("container.memory.working_set", UP_DOWN_COUNTER, "By",
                      "Memory of the group without the file cache that can be let go.",
                      own, MEMORY, self._memory(lambda g: g.working_set), "memory.stat"),
            MetricRow("container.memory.rss", UP_DOWN_COUNTER, "By",
                      "Anonymous memory of the group.",
                      own, MEMORY, self._memory(lambda g: g.anonymous), "memory.stat"),
            MetricRow("container.memory.available", UP_DOWN_COUNTER, "By",
                      "Limit less working set; nothing without a limit.",
                      own, MEMORY, self._memory(_available), "memory.max, memory.stat"),
            MetricRow("container.paging.faults", COUNTER, "{fault}", "Page faults of the group.",
                      (*own, "system.paging.fault.type"), MEMORY, self._faults, "memory.stat"),
            MetricRow("vaquero.container.memory.limit", UP_DOWN_COUNTER, "By",
                      "Memory that the group may use, the least of its ancestors' limits.",
                      own, MEMORY, self._memory(lambda g: g.limit),
                      "memory.max; v1: memory.limit_in_bytes"),
            MetricRow("vaquero.container.memory.utilization", GAUGE, "1",
                      "Working set as a share of the limit; nothing without a limit.",
                      own, MEMORY, self._memory(lambda g: g.utilization),
                      "memory.max, memory.stat"),
        )  # fmt: skip

    def _verdict_rows(self) -> tuple[MetricRow, ...]:
        own = self._keys
        return (
            MetricRow("vaquero.cpu.utilization", GAUGE, "1",
                      "CPU as it matters to this program: share of the quota where there is one "
                      "below the machine's CPUs, else of the machine.",
                      (*own, SOURCE_KEY), CPU, self._effective_cpu, "cgroup, else /proc/stat"),
            MetricRow("vaquero.memory.utilization", GAUGE, "1",
                      "Memory as it matters to this program: share of the limit where there is "
                      "one below the machine's memory, else of the machine.",
                      (*own, SOURCE_KEY), MEMORY, self._effective_memory,
                      "cgroup, else /proc/meminfo"),
            MetricRow("vaquero.container.pressure.time", COUNTER, "s",
                      "Time in which some tasks, or all (full), waited for a resource.",
                      (*own, *_PRESSURE_KEYS), PRESSURE, self._lost,
                      "*.pressure of the group, else /proc/pressure"),
            MetricRow("vaquero.container.pressure.share", GAUGE, "1",
                      "Share of the window in which some tasks, or all (full), waited.",
                      (*own, *_PRESSURE_KEYS), PRESSURE, self._stalled,
                      "*.pressure of the group, else /proc/pressure"),
        )  # fmt: skip


def _available(group: GroupMemory) -> int | None:
    return None if group.limit is None else max(0, group.limit - group.working_set)


def _share_of_quota(now: GroupCpu | None, then: GroupCpu | None, elapsed_s: float) -> float | None:
    if now is None or then is None:
        return None
    shares = [
        max(0.0, level.used_s - then.levels[folder].used_s) / (elapsed_s * level.quota)
        for folder, level in now.levels.items()
        if folder in then.levels
    ]
    return max(shares, default=None)


def _share_of_host(reading: Reading[CpuFacts]) -> float | None:
    now, then = reading.now.host, None if reading.then is None else reading.then.host
    if now is None or then is None:
        return None
    spent = [max(0.0, a - b) for a, b in zip(now.total, then.total, strict=True)]
    total = sum(spent)
    idle = sum(s for mode, s in zip(now.modes, spent, strict=True) if mode in _IDLE)
    return 1 - idle / total if total > 0 else None
