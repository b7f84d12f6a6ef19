"""The host lock: of several processes of one user, one emits the series of the host.

The lock is a POSIX record lock (``fcntl``) on a file in a private folder. The kernel drops it
when its holder dies, however it dies, and a forked child does not inherit it, so the next
process takes over at its next cycle and no stale lock can remain. It spans the processes that
see the same folder as the same user; containers and other users have locks of their own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
import zlib
from collections.abc import Callable, Mapping
from typing import Any

try:
    import fcntl as _fcntl
except ImportError:  # Windows
    _fcntl = None

fcntl: Any = _fcntl

_log = logging.getLogger("vaquero.instrumentation.common")


def destination_key(environ: Mapping[str, str] | None = None) -> str:
    """Name where metrics go, so that each destination has one process that emits the host."""
    env = os.environ if environ is None else environ
    return (
        env.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
        or env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or "default"
    )


def private_folder(base: str | None = None) -> str:
    """Return a folder that only this user can enter, making it if needed.

    Args:
        base: The folder itself; when None, ``/run/user/<uid>/vaquero`` where the system has
            it, else ``vaquero-<uid>`` in the folder for temporary files.

    Raises:
        OSError: It cannot be made, is a link, belongs to another user, or is open to others.
    """
    uid = os.getuid() if hasattr(os, "getuid") else 0
    if base:
        folder = base
    else:
        runtime = f"/run/user/{uid}"
        usable = os.path.isdir(runtime) and os.access(runtime, os.W_OK)
        if usable:
            folder = os.path.join(runtime, "vaquero")
        else:
            folder = os.path.join(_temporary_folder(), f"vaquero-{uid}")
    with contextlib.suppress(FileExistsError):
        os.makedirs(folder, mode=0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(f"{folder} is not a folder")
    if hasattr(os, "getuid"):
        if found.st_uid != uid:
            raise OSError(f"{folder} belongs to user {found.st_uid}")
        if stat.S_IMODE(found.st_mode) & 0o022:
            raise OSError(f"{folder} can be written by others (mode {found.st_mode & 0o777:o})")
    return folder


def _temporary_folder() -> str:
    """Return what ``tempfile.gettempdir`` would, by its rules, without all that it imports."""
    for name in (*map(os.environ.get, ("TMPDIR", "TEMP", "TMP")), "/tmp", "/var/tmp", "/usr/tmp"):
        if name and os.path.isdir(name) and os.access(name, os.W_OK | os.X_OK):
            return os.path.abspath(name)
    import tempfile

    return tempfile.gettempdir()


class HostLock:
    """Decides whether this process emits the series of the host.

    Args:
        key: What the processes have in common: where their metrics go.
        folder: Folder of the lock file, a private one when None.
        pid: This process.
    """

    def __init__(
        self, key: str, folder: str | None = None, *, pid: Callable[[], int] = os.getpid
    ) -> None:
        self._name = f"host-{_digest(key)}.lock"
        self._folder = folder
        self._getpid = pid
        self._mutex = threading.Lock()
        self._fd: int | None = None
        self._inode: tuple[int, int] | None = None
        self._path = ""
        self._owner = pid()
        self._held = False
        self._users = 0
        self._impossible = False

    @property
    def path(self) -> str:
        """Path of the lock file, empty until first tried."""
        return self._path

    def join(self) -> None:
        """Say that one more part of this process asks for the lock."""
        self._users += 1

    def leave(self) -> None:
        """Say that one part asks no longer; the last one lets the lock go."""
        self._users -= 1
        if self._users <= 0:
            with self._mutex:
                self._users = 0
                self._close()

    def holds(self) -> bool:
        """Try to be, or to remain, the one that emits; never waits and never raises.

        Returns:
            True for the holder, and for every process where no lock is possible: a series
            twice is better than none.
        """
        with self._mutex:
            try:
                return self._holds()
            except Exception as problem:
                self._log_impossible(str(problem))
                return True

    def _holds(self) -> bool:
        if fcntl is None:
            self._log_impossible("this platform has no fcntl locks")
            return True
        if self._owner != self._getpid():
            self._after_fork()
        if self._fd is not None and not self._file_in_place():
            self._close()
        if self._fd is None:
            self._open()
        if not self._held:
            self._held = self._try()
        return self._held

    def _after_fork(self) -> None:
        # The record lock is the parent's alone; closing our copy does not touch it.
        self._owner = self._getpid()
        self._close()

    def _file_in_place(self) -> bool:
        """Whether the path still leads to the file we hold open (cleaners remove old files)."""
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def _open(self) -> None:
        self._path = os.path.join(private_folder(self._folder), self._name)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._fd = os.open(self._path, flags, 0o600)
        found = os.fstat(self._fd)
        self._inode = (found.st_dev, found.st_ino)

    def _try(self) -> bool:
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _close(self) -> None:
        self._held = False
        fd, self._fd = self._fd, None
        if fd is None:
            return
        with contextlib.suppress(OSError):
            found = os.fstat(fd)
            # An application that closes all descriptors may have opened its own under our
            # number since: that one is not ours to close.
            if (found.st_dev, found.st_ino) == self._inode:
                os.close(fd)

    def _log_impossible(self, reason: str) -> None:
        if not self._impossible:
            self._impossible = True
            _log.info("No host lock (%s): every process emits the series of the host.", reason)

    def renew_mutex(self) -> None:
        """In a forked child: the parent's threads may have held the mutex."""
        self._mutex = threading.Lock()


def _digest(key: str) -> str:
    """Turn a key of any characters into a short file name, the same in every process."""
    data = key.encode("utf-8", "surrogatepass")
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


_locks: dict[tuple[str, str | None], HostLock] = {}


def host_lock(key: str, folder: str | None = None) -> HostLock:
    """Return the lock for ``key``, one object per process: record locks belong to processes."""
    place = (key, folder)
    lock = _locks.get(place)
    if lock is None:
        lock = _locks.setdefault(place, HostLock(key, folder))
    return lock


def _after_fork_in_child() -> None:
    for lock in _locks.values():
        lock.renew_mutex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
