"""Gauges of the container for OpenTelemetry: what its control groups allow and use."""

from __future__ import annotations

from vaquero_instrumentation_common import (
    GaugePlan,
    Resolved,
    TableInstrumentor,
    UnsupportedReadingError,
)
from vaquero_instrumentation_common.cgroup import CgroupReader, find_groups
from vaquero_instrumentation_common.platform import host_reader

from vaquero_instrumentation_container.settings import ALL
from vaquero_instrumentation_container.sources import Facts, container_sources
from vaquero_instrumentation_container.table import container_rows

__all__ = ["ContainerInstrumentor"]


class ContainerInstrumentor(TableInstrumentor):
    """Emits limits, use and pressure of the control groups of this process.

    Of several processes of one user in one group that send to one place, one emits (see
    ``host_metrics``). ``vaquero.cpu.utilization`` and ``vaquero.memory.utilization`` are there
    on every platform: without a limit they are the host's and say so in
    ``vaquero.limit.source``.
    """

    package = "container"
    settings = ALL
    host_series = True
    root = "/"

    def plan(self, config: Resolved) -> GaugePlan:
        """Return the rows and sources for these settings."""
        reader = self._groups()
        facts = Facts(reader, host_reader(self.root), self.root)
        path = reader.groups.path if reader else "/"
        return GaugePlan(container_rows(path), container_sources(facts))

    def lock_key(self, key: str) -> str:
        """Give each control group a lock of its own: another group's series are others."""
        reader = self._groups()
        return f"{key} {reader.groups.path if reader else '/'}"

    def _groups(self) -> CgroupReader | None:
        try:
            return CgroupReader(find_groups(self.root))
        except UnsupportedReadingError:
            return None
