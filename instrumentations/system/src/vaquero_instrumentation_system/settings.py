"""Settings of the host's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vaquero_instrumentation_common import SETTINGS as COMMON
from vaquero_instrumentation_common import GaugeSetting
from vaquero_instrumentation_common.host import Selection
from vaquero_instrumentation_common.platform import has_proc

_SUBJECTS: Final = ("disk", "network", "filesystem")


def _patterns(words: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    usable = tuple(word for word in words if _split(word))
    if usable == words:
        return words, ""
    return usable, "disk:, network: or filesystem: and a pattern, e.g. disk:nvme*"


def _split(word: str) -> tuple[str, str] | None:
    subject, _, pattern = word.partition(":")
    return (subject, pattern) if subject in _SUBJECTS and pattern else None


def _root(root: str) -> tuple[str, str]:
    if root == "/" or has_proc(root):
        return root, ""
    return "/", "the folder where the host's / is mounted, with proc/stat in it"


DETAIL: Final = GaugeSetting(
    "system_detail",
    "VAQUERO_SYSTEM_DETAIL",
    "list",
    (),
    "Series in more detail: cpu (per logical CPU), disk (per device), network (per interface), "
    "filesystem (per mount point), memory (shared, slab), paging (faults, swapping), "
    "connections (counts of sockets).",
    choices=("cpu", "disk", "network", "filesystem", "memory", "paging", "connections"),
)
INCLUDE: Final = GaugeSetting(
    "system_include",
    "VAQUERO_SYSTEM_INCLUDE",
    "list",
    (),
    "Only these devices count: disk:PATTERN, network:PATTERN or filesystem:PATTERN.",
    check=_patterns,
)
EXCLUDE: Final = GaugeSetting(
    "system_exclude",
    "VAQUERO_SYSTEM_EXCLUDE",
    "list",
    (),
    "These devices do not count: disk:PATTERN, network:PATTERN or filesystem:PATTERN.",
    check=_patterns,
)
HOST_ROOT: Final = GaugeSetting(
    "host_root",
    "VAQUERO_HOST_ROOT",
    "str",
    "/",
    "Where the host's file system is mounted, for a container that watches its host.",
    check=_root,
)

SETTINGS: Final = (DETAIL, INCLUDE, EXCLUDE, HOST_ROOT)
"""Rows for the table of settings (entry point group ``vaquero.settings``)."""

ALL: Final = (*COMMON, *SETTINGS)


def selections(include: tuple[str, ...], exclude: tuple[str, ...]) -> Mapping[str, Selection]:
    """Sort ``subject:pattern`` words by subject."""
    included, excluded = _by_subject(include), _by_subject(exclude)
    return {name: Selection(included[name], excluded[name]) for name in _SUBJECTS}


def _by_subject(words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = dict.fromkeys(_SUBJECTS, ())
    for word in words:
        parts = _split(word)
        if parts is not None:
            found[parts[0]] += (parts[1],)
    return found
