"""What the vaquero instrumentation packages share: readers, sampler, guard, host lock, table.

Names are loaded when they are first used: the import hooks alone do not cost what metrics do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaquero_instrumentation_common.guard import ReadingGuard, UnsupportedReadingError
    from vaquero_instrumentation_common.hostlock import HostLock, destination_key, host_lock
    from vaquero_instrumentation_common.import_hooks import when_imported
    from vaquero_instrumentation_common.instrumentor import GaugePlan, Session, TableInstrumentor
    from vaquero_instrumentation_common.sampler import Reading, Sampler, Source
    from vaquero_instrumentation_common.settings import SETTINGS, GaugeSetting, Resolved, resolve
    from vaquero_instrumentation_common.table import (
        COUNTER,
        GAUGE,
        HISTOGRAM,
        UP_DOWN_COUNTER,
        MetricRow,
        Points,
    )

_MODULES = {
    "COUNTER": "table",
    "GAUGE": "table",
    "HISTOGRAM": "table",
    "SETTINGS": "settings",
    "UP_DOWN_COUNTER": "table",
    "HostLock": "hostlock",
    "MetricRow": "table",
    "GaugePlan": "instrumentor",
    "Points": "table",
    "Reading": "sampler",
    "ReadingGuard": "guard",
    "Resolved": "settings",
    "Sampler": "sampler",
    "Session": "instrumentor",
    "GaugeSetting": "settings",
    "Source": "sampler",
    "TableInstrumentor": "instrumentor",
    "UnsupportedReadingError": "guard",
    "destination_key": "hostlock",
    "host_lock": "hostlock",
    "resolve": "settings",
    "when_imported": "import_hooks",
}

__all__ = [
    "COUNTER",
    "GAUGE",
    "HISTOGRAM",
    "SETTINGS",
    "UP_DOWN_COUNTER",
    "HostLock",
    "MetricRow",
    "GaugePlan",
    "Points",
    "Reading",
    "ReadingGuard",
    "Resolved",
    "Sampler",
    "Session",
    "GaugeSetting",
    "Source",
    "TableInstrumentor",
    "UnsupportedReadingError",
    "destination_key",
    "host_lock",
    "resolve",
    "when_imported",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES[name]}")
    globals()[name] = found = getattr(module, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
