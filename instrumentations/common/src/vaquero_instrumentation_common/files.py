"""Small files of /proc, /sys and cgroups, read with as few system calls as is safe."""

from __future__ import annotations

import os
from typing import Final

_CHUNK: Final = 65536
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)


def read_bytes(path: str) -> bytes:
    """Return the content of a file, read to its end.

    Raises:
        OSError: It cannot be read.
    """
    fd = os.open(path, _FLAGS)
    try:
        parts: list[bytes] = []
        # Lists of /proc (mounts, diskstats, net/dev) come a page at a time: a short read is
        # not their end.
        while data := os.read(fd, _CHUNK):
            parts.append(data)
        return b"".join(parts)
    finally:
        os.close(fd)


def read_once(path: str) -> bytes:
    """Return the content of a file that the kernel gives out in one piece (/proc/stat, ...).

    Raises:
        OSError: It cannot be read.
    """
    fd = os.open(path, _FLAGS)
    try:
        data = os.read(fd, _CHUNK)
        if len(data) < _CHUNK:
            return data
        return data + os.read(fd, 16 * _CHUNK)
    finally:
        os.close(fd)


def read_number(path: str) -> int | None:
    """Return the number in a file; None when there is no such file or it says ``max``."""
    try:
        return int(read_once(path))
    except (OSError, ValueError):
        return None
