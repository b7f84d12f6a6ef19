"""The Collector that comes with vaquero: found, started, asked and ended from Python.

    from vaquero_collector import Collector

    with Collector(overlays=["file"]) as collector:
        print(collector.http_url, collector.stats().signals["traces"].accepted)

Importing runs nothing, and names are loaded when they are first used. `find_binary()` says
whether there is a Collector on this machine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaquero_collector.binary import find_binary
    from vaquero_collector.errors import (
        AlreadyRunningError,
        CollectorError,
        NoBinaryError,
        PortTakenError,
    )
    from vaquero_collector.front import in_front_of
    from vaquero_collector.plan import DEFAULT_DESTINATION, Plan
    from vaquero_collector.process import Collector
    from vaquero_collector.record import Record, running
    from vaquero_collector.stats import SignalTotals, Stats

__version__ = "0.1.0"

_HOMES = {
    "DEFAULT_DESTINATION": "plan",
    "AlreadyRunningError": "errors",
    "PortTakenError": "errors",
    "Collector": "process",
    "CollectorError": "errors",
    "NoBinaryError": "errors",
    "Plan": "plan",
    "Record": "record",
    "SignalTotals": "stats",
    "Stats": "stats",
    "find_binary": "binary",
    "in_front_of": "front",
    "running": "record",
}

__all__ = [
    "DEFAULT_DESTINATION",
    "AlreadyRunningError",
    "Collector",
    "CollectorError",
    "NoBinaryError",
    "Plan",
    "PortTakenError",
    "Record",
    "SignalTotals",
    "Stats",
    "find_binary",
    "in_front_of",
    "running",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
