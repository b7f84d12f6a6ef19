"""The end of a process, as the pipeline sees it; all of it is in :mod:`vaquero._process`."""

from __future__ import annotations

from vaquero._process import exiting
from vaquero._process import send_at_exit as watch

__all__ = ["exiting", "watch"]
