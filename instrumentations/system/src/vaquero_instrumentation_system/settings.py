"""Settings of the host's metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from vaquero_instrumentation_common import SETTINGS as COMMON
from vaquero_instrumentation_common import Setting
from vaquero_instrumentation_common.host import Selection

DETAIL: Final = Setting(
    "system_detail",
    "VAQUERO_SYSTEM_DETAIL",
    "list",
    (),
    "Series in more detail: cpu (per logical CPU), disk (per device), network (per interface), "
    "filesystem (per mount point), memory (shared, slab), paging (faults, swapping), "
    "connections (counts of sockets).",
    choices=("cpu", "disk", "network", "filesystem", "memory", "paging", "connections"),
)
INCLUDE: Final = Setting(
    "system_include",
    "VAQUERO_SYSTEM_INCLUDE",
    "list",
    (),
    "Only these devices count: disk:PATTERN, network:PATTERN or filesystem:PATTERN.",
)
EXCLUDE: Final = Setting(
    "system_exclude",
    "VAQUERO_SYSTEM_EXCLUDE",
    "list",
    (),
    "These devices do not count: disk:PATTERN, network:PATTERN or filesystem:PATTERN.",
)
HOST_ROOT: Final = Setting(
    "host_root",
    "VAQUERO_HOST_ROOT",
    "str",
    "/",
    "Where the host's file system is mounted, for a container that watches its host.",
)

SETTINGS: Final = (DETAIL, INCLUDE, EXCLUDE, HOST_ROOT)
"""Rows for the table of settings (entry point group ``vaquero.settings``)."""

ALL: Final = (*COMMON, *SETTINGS)

_SUBJECTS: Final = ("disk", "network", "filesystem")


def selections(
    include: tuple[str, ...], exclude: tuple[str, ...], log: logging.Logger
) -> Mapping[str, Selection]:
    """Sort ``subject:pattern`` words by subject; a word of another form warns and is left."""
    included = _by_subject(include, INCLUDE, log)
    excluded = _by_subject(exclude, EXCLUDE, log)
    return {name: Selection(included[name], excluded[name]) for name in _SUBJECTS}


def _by_subject(
    words: tuple[str, ...], setting: Setting, log: logging.Logger
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = dict.fromkeys(_SUBJECTS, ())
    for word in words:
        subject, _, pattern = word.partition(":")
        if subject in found and pattern:
            found[subject] += (pattern,)
        else:
            log.warning(
                "%s: %r is not usable: expected disk:, network: or filesystem: and a pattern, "
                "e.g. disk:nvme*. It is left out.",
                setting.env,
                word,
            )
    return found
