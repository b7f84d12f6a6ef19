"""How readings of the host become points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

from opentelemetry.metrics import Observation
from vaquero_instrumentation_common import Points, Reading
from vaquero_instrumentation_common.host import CpuInfo, Memory, PageCounts, Swap
from vaquero_instrumentation_common.table import NOTHING

from vaquero_instrumentation_system.sources import Cpus, MountUse

T = TypeVar("T")

DEVICE: Final = "system.device"
INTERFACE: Final = "network.interface.name"

# Dictionaries of attributes are made once and used in every cycle; the SDK copies them.
_MODE: Final[dict[tuple[int | None, str], dict[str, Any]]] = {}


def _mode(number: int | None, mode: str) -> dict[str, Any]:
    found = _MODE.get((number, mode))
    if found is None:
        found = _MODE[number, mode] = {"cpu.mode": mode}
        if number is not None:
            found["cpu.logical_number"] = number
    return found


@lru_cache(maxsize=4096)
def _labelled(key: str, label: str, second: str, value: str) -> dict[str, Any]:
    """Attributes of a device (none for the total) with one more key (none when empty)."""
    found: dict[str, Any] = {second: value} if second else {}
    if label:
        found[key] = label
    return found


@lru_cache(maxsize=4096)
def _mount(identity: tuple[tuple[str, str], ...], state: str) -> dict[str, Any]:
    found: dict[str, Any] = dict(identity)
    if state:
        found["system.filesystem.state"] = state
    return found


def cpu_time(reading: Reading[Cpus]) -> Points:
    """Seconds per mode; a mode that this machine never was in (steal, nice) gives no point."""
    return [
        Observation(seconds, _mode(number, mode))
        for number, modes in reading.now.items()
        for mode, seconds in modes.items()
        if seconds
    ]


def cpu_utilization(reading: Reading[Cpus]) -> Points:
    """Share of the time between two readings per mode; all modes of a CPU add up to 1."""
    points: list[Observation] = []
    for number, modes in reading.now.items():
        before = (reading.then or {}).get(number)
        if before is None:
            continue
        # iowait can go back a little (the kernel says so): never below nothing.
        spent = {
            mode: max(0.0, seconds - before[mode]) for mode, seconds in modes.items() if seconds
        }
        total = sum(spent.values())
        if total > 0:
            points += [Observation(s / total, _mode(number, mode)) for mode, s in spent.items()]
    return points


def cpu_frequency(reading: Reading[CpuInfo], per_core: bool) -> Points:
    """Clock in Hz: the mean of all logical CPUs, or each."""
    clocks = reading.now.frequency_hz
    if not clocks:
        return NOTHING
    if per_core:
        return [Observation(hz, {"cpu.logical_number": number}) for number, hz in clocks.items()]
    return (Observation(sum(clocks.values()) / len(clocks)),)


def value(pick: Callable[[T], float | None]) -> Callable[[Reading[T]], Points]:
    """Return a reader of one number without attributes; no point when it is None."""

    def read(reading: Reading[T]) -> Points:
        found = pick(reading.now)
        return NOTHING if found is None else (Observation(found),)

    return read


def states(
    key: str, pick: Callable[[T], Mapping[str, float | None]]
) -> Callable[[Reading[T]], Points]:
    """Return a reader of several numbers told apart by one attribute."""
    attributes: dict[str, dict[str, Any]] = {}

    def read(reading: Reading[T]) -> Points:
        return [
            Observation(number, attributes.setdefault(state, {key: state}))
            for state, number in pick(reading.now).items()
            if number is not None
        ]

    return read


def memory_states(now: tuple[Memory, Swap]) -> Mapping[str, float | None]:
    """Bytes per state; the states add up to the whole memory."""
    memory = now[0]
    return {
        "used": memory.used,
        "free": memory.free,
        "buffers": memory.buffers,
        "cached": memory.cached,
    }


def memory_share(reading: Reading[tuple[Memory, Swap]]) -> Points:
    """Share of the memory that is used."""
    memory = reading.now[0]
    return (Observation(memory.used / memory.total, _USED),)


_USED: Final = {"system.memory.state": "used"}


def slab_states(now: tuple[Memory, Swap]) -> Mapping[str, float | None]:
    """Bytes of slab per state."""
    memory = now[0]
    return {
        "reclaimable": memory.slab_reclaimable,
        "unreclaimable": memory.slab_unreclaimable,
    }


def swap_states(now: tuple[Memory, Swap]) -> Mapping[str, float | None]:
    """Bytes of swap per state; nothing on a machine without swap."""
    swap = now[1]
    return {"used": swap.used, "free": swap.free} if swap.total else {}


def swap_shares(now: tuple[Memory, Swap]) -> Mapping[str, float | None]:
    """Share of swap per state; nothing on a machine without swap."""
    total = now[1].total
    return {state: (part or 0) / total for state, part in swap_states(now).items()}


def faults(now: PageCounts) -> Mapping[str, float | None]:
    """Page faults by type."""
    return {"minor": now.minor_faults, "major": now.major_faults}


def swapping(reading: Reading[PageCounts]) -> Points:
    """Pages swapped in and out; nothing on a machine without swap."""
    now = reading.now
    if now.swapped_in is None or now.swapped_out is None:
        return NOTHING
    return (Observation(now.swapped_in, _SWAP_IN), Observation(now.swapped_out, _SWAP_OUT))


_SWAP_IN: Final = {"system.paging.direction": "in", "system.paging.fault.type": "major"}
_SWAP_OUT: Final = {"system.paging.direction": "out", "system.paging.fault.type": "major"}


def directions(
    device_key: str, key: str, fields: Mapping[str, str]
) -> Callable[[Reading[Mapping[str, Any]]], Points]:
    """Return a reader of one number per device and direction.

    Args:
        device_key: Attribute that names the device.
        key: Attribute that names the direction.
        fields: Direction to field of the reading.
    """

    def read(reading: Reading[Mapping[str, Any]]) -> Points:
        return [
            Observation(number, _labelled(device_key, label, key, direction))
            for label, row in reading.now.items()
            for direction, name in fields.items()
            if (number := getattr(row, name)) is not None
        ]

    return read


def rates(
    device_key: str, key: str, fields: Mapping[str, str]
) -> Callable[[Reading[Mapping[str, Any]]], Points]:
    """Return a reader of the growth per second between two readings, as ``directions``."""

    def read(reading: Reading[Mapping[str, Any]]) -> Points:
        then = reading.then
        if then is None:
            return NOTHING
        return [
            Observation(grown / reading.elapsed_s, _labelled(device_key, label, key, direction))
            for label, row in reading.now.items()
            if label in then
            for direction, name in fields.items()
            # A counter that went back was reset: there is no rate to tell.
            if (grown := getattr(row, name) - getattr(then[label], name)) >= 0
        ]

    return read


def busy_time(reading: Reading[Mapping[str, Any]]) -> Points:
    """Seconds a device was busy."""
    return [
        Observation(row.busy_s, _labelled(DEVICE, label, "", ""))
        for label, row in reading.now.items()
        if row.busy_s is not None
    ]


def mount_usage(reading: Reading[tuple[MountUse, ...]]) -> Points:
    """Bytes per state."""
    return [
        Observation(number, _mount(row.identity, state))
        for row in reading.now
        for state, number in (("used", row.used), ("free", row.free), ("reserved", row.reserved))
    ]


def mount_share(reading: Reading[tuple[MountUse, ...]]) -> Points:
    """Share of the bytes that is used."""
    return [
        Observation(row.used / row.total, _mount(row.identity, "used"))
        for row in reading.now
        if row.total
    ]


def mount_limit(reading: Reading[tuple[MountUse, ...]]) -> Points:
    """All bytes."""
    return [Observation(row.total, _mount(row.identity, "")) for row in reading.now]


def sockets(reading: Reading[Mapping[tuple[str, str], int]]) -> Points:
    """Sockets by transport and state."""
    return [
        Observation(count, {"network.transport": transport, "network.connection.state": state})
        for (transport, state), count in reading.now.items()
    ]
