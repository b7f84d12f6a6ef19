"""Which way of reading fits this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from vaquero_instrumentation_common.host import HostReader, Memory, Selection, Swap
from vaquero_instrumentation_common.host_linux import LinuxHost


class FullHostReader(HostReader, Protocol):
    """A host reader that can give memory and swap of one reading."""

    def memory_and_swap(self) -> tuple[Memory, Swap]:
        """Read both at once."""
        ...


def has_proc(root: str = "/") -> bool:
    """Whether there is a Linux ``/proc`` under ``root``."""
    return os.access(os.path.join(root, "proc/stat"), os.R_OK)


def host_reader(
    root: str = "/",
    *,
    per_core: bool = False,
    selections: Mapping[str, Selection] | None = None,
    on_linux: Callable[[], bool] = lambda: sys.platform.startswith("linux"),
) -> FullHostReader:
    """Return the direct reader on Linux, the portable one elsewhere.

    Args:
        root: Where the host's file system is mounted.
        per_core: Whether CPU times of each logical CPU are wanted.
        selections: Selections for ``disk``, ``network`` and ``filesystem``.
        on_linux: Tells the platform.
    """
    chosen = selections or {}
    disks = chosen.get("disk", Selection())
    interfaces = chosen.get("network", Selection())
    mounts = chosen.get("filesystem", Selection())
    if on_linux() and has_proc(root):
        return LinuxHost(root, per_core=per_core, disks=disks, interfaces=interfaces, mounts=mounts)
    # Imported only where it is needed: it costs as much as a fifth of OpenTelemetry's start.
    import psutil

    from vaquero_instrumentation_common.host_portable import PortableHost

    return PortableHost(
        psutil, per_core=per_core, disks=disks, interfaces=interfaces, mounts=mounts
    )
