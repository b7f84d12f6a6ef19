"""What a backend refused for a reason that a setting can mend: kept for ``vaquero spool resend``.

One file per request, in the folder ``refused`` of its destination, the oldest dropped first.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vaquero.pipeline.spool import folder, frame

if TYPE_CHECKING:
    from vaquero.pipeline.spool.frame import Frame

SUFFIX = ".req"


def store(destination: int, request: Frame, max_bytes: int) -> bool:
    """Keep a refused request; False where it cannot be kept.

    Args:
        destination: The destination's folder, open.
        request: The request as one frame.
        max_bytes: Bound of all that is kept for this destination.
    """
    data = frame.pack(request)
    if len(data) > max_bytes:
        return False
    try:
        handle = folder.open_inside(destination, folder.REFUSED_NAME, create=True)
    except OSError:
        return False
    try:
        _make_room(handle, max_bytes - len(data))
        name = f"{time.time_ns():020d}-{os.getpid()}-{os.urandom(3).hex()}{SUFFIX}"
        file = folder.create_file(handle, name)
        try:
            written = os.write(file, data)
        finally:
            os.close(file)
        if written != len(data):
            os.unlink(name, dir_fd=handle)
            return False
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def names(handle: int) -> list[str]:
    """The kept requests in an open ``refused`` folder, oldest first."""
    return sorted(name for name in os.listdir(handle) if name.endswith(SUFFIX))


def read(handle: int, name: str) -> Frame | None:
    """A kept request; None where it is damaged or gone."""
    try:
        file = folder.open_file(handle, name)
    except OSError:
        return None
    try:
        data = os.pread(file, os.fstat(file).st_size, 0)
    except OSError:
        return None
    finally:
        os.close(file)
    for found, _ in frame.frames(data, 0, sealed=True):
        if found is not None:
            return found
    return None


def _make_room(handle: int, max_bytes: int) -> None:
    sizes: list[tuple[str, int]] = []
    for name in names(handle):
        with suppress(OSError):
            info = os.stat(name, dir_fd=handle, follow_symlinks=False)
            sizes.append((name, info.st_size))
    total = sum(size for _, size in sizes)
    for name, size in sizes:
        if total <= max_bytes:
            return
        with suppress(OSError):
            os.unlink(name, dir_fd=handle)
            total -= size
