"""The Collector that comes with vaquero: found, started, asked and ended from Python.

    from vaquero_collector import Collector

    with Collector(overlays=["file"]) as collector:
        print(collector.http_url, collector.stats().signals["traces"].accepted)

Importing runs nothing. `find_binary()` says whether there is a Collector on this machine.
"""

from vaquero_collector.binary import find_binary
from vaquero_collector.errors import AlreadyRunningError, CollectorError, NoBinaryError
from vaquero_collector.plan import DEFAULT_DESTINATION, Plan
from vaquero_collector.process import Collector
from vaquero_collector.stats import SignalStats, Stats

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_DESTINATION",
    "AlreadyRunningError",
    "Collector",
    "CollectorError",
    "NoBinaryError",
    "Plan",
    "SignalStats",
    "Stats",
    "find_binary",
]
