"""Gauges of the host for OpenTelemetry, by the semantic conventions."""

from __future__ import annotations

from vaquero_instrumentation_common import GaugePlan, Resolved, TableInstrumentor
from vaquero_instrumentation_common.platform import host_reader

from vaquero_instrumentation_system.settings import ALL, selections
from vaquero_instrumentation_system.sources import system_sources
from vaquero_instrumentation_system.table import system_rows

__all__ = ["SystemInstrumentor"]


class SystemInstrumentor(TableInstrumentor):
    """Emits CPU, memory, paging, disk, file system and network of the host.

    Of several processes of one user that send to one place, one emits (see ``host_metrics``).
    The series belong under the host's own resource: give ``host_meter_provider`` one without
    ``service.instance.id``; without it they go to ``meter_provider`` or the global one.
    """

    package = "system"
    settings = ALL
    host_series = True

    def plan(self, config: Resolved) -> GaugePlan:
        """Return the rows and sources for these settings."""
        detail = config["system_detail"]
        root = config["host_root"]
        reader = host_reader(
            root,
            per_core="cpu" in detail,
            selections=selections(config["system_include"], config["system_exclude"]),
        )
        return GaugePlan(system_rows(detail), system_sources(reader, detail, root))
