"""Settings of the runtime metrics."""

from __future__ import annotations

from typing import Final

from vaquero_instrumentation_common import GaugeSetting
from vaquero_instrumentation_common.settings import EXCLUDED_METRICS, WINDOW

DETAIL: Final = GaugeSetting(
    "runtime_detail",
    "VAQUERO_RUNTIME_DETAIL",
    "list",
    (),
    "Series that cost more: tracemalloc (memory by source line; slows every allocation).",
    choices=("tracemalloc",),
)
BLOCKED_AFTER: Final = GaugeSetting(
    "blocked_after_s",
    "VAQUERO_EVENTLOOP_BLOCKED_AFTER",
    "seconds",
    0.1,
    "Seconds that a callback may hold an event loop before it is reported; 0 reports none.",
)

SETTINGS: Final = (DETAIL, BLOCKED_AFTER)
"""Rows for the table of settings (entry point group ``vaquero.settings``)."""

ALL: Final = (WINDOW, EXCLUDED_METRICS, *SETTINGS)
