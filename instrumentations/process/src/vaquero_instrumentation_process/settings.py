"""Settings of the process metrics."""

from __future__ import annotations

from typing import Final

from vaquero_instrumentation_common import GaugeSetting
from vaquero_instrumentation_common.settings import EXCLUDED_METRICS, WINDOW

DETAIL: Final = GaugeSetting(
    "process_detail",
    "VAQUERO_PROCESS_DETAIL",
    "list",
    (),
    "Series that cost more: shares (memory of this process alone, and its part of shared memory).",
    choices=("shares",),
)

SETTINGS: Final = (DETAIL,)
"""Rows for the table of settings (entry point group ``vaquero.settings``)."""

ALL: Final = (WINDOW, EXCLUDED_METRICS, *SETTINGS)
