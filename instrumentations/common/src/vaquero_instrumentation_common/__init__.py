"""What the vaquero instrumentation packages share: readers, sampler, guard, host lock, table."""

from __future__ import annotations

from vaquero_instrumentation_common.guard import Guard, Unsupported
from vaquero_instrumentation_common.hostlock import HostLock, destination_key, host_lock
from vaquero_instrumentation_common.instrumentor import Plan, Session, TableInstrumentor
from vaquero_instrumentation_common.sampler import Reading, Sampler, Source
from vaquero_instrumentation_common.settings import SETTINGS, Resolved, Setting, resolve
from vaquero_instrumentation_common.table import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    UP_DOWN_COUNTER,
    MetricRow,
    Points,
)

__all__ = [
    "COUNTER",
    "GAUGE",
    "HISTOGRAM",
    "SETTINGS",
    "UP_DOWN_COUNTER",
    "Guard",
    "HostLock",
    "MetricRow",
    "Plan",
    "Points",
    "Reading",
    "Resolved",
    "Sampler",
    "Session",
    "Setting",
    "Source",
    "TableInstrumentor",
    "Unsupported",
    "destination_key",
    "host_lock",
    "resolve",
]
