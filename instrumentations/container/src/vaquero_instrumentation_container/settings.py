"""Settings of the container's metrics: those of the host packages, none of its own."""

from __future__ import annotations

from typing import Final

from vaquero_instrumentation_common import SETTINGS as COMMON
from vaquero_instrumentation_common import GaugeSetting

SETTINGS: Final[tuple[GaugeSetting, ...]] = ()
"""Rows for the table of settings (entry point group ``vaquero.settings``)."""

ALL: Final = (*COMMON, *SETTINGS)
