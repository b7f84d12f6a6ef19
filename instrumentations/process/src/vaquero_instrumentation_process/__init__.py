"""Gauges of the own process for OpenTelemetry, true in forked children too."""

from __future__ import annotations

import sys

from vaquero_instrumentation_common import GaugePlan, Resolved, TableInstrumentor

from vaquero_instrumentation_process.readers import process_reader
from vaquero_instrumentation_process.settings import ALL
from vaquero_instrumentation_process.table import process_rows, process_sources

__all__ = ["ProcessInstrumentor"]


class ProcessInstrumentor(TableInstrumentor):
    """Emits CPU, memory, threads, descriptors, switches, faults and disk bytes of this process.

    A forked child reports itself from its first cycle, its utilisation measured from the fork.
    """

    package = "process"
    settings = ALL

    def plan(self, config: Resolved) -> GaugePlan:
        """Return the rows and sources for these settings."""
        reader = process_reader()
        rows = process_rows(reader, config["process_detail"], windows=sys.platform == "win32")
        return GaugePlan(rows, process_sources(reader))
