"""The spool's folders: the user's alone, opened without following links, named without secrets.

::

    <root>/key                        32 random bytes, 0600: the key of the folder names
    <root>/<destination>/             keyed hash of signal, endpoint, protocol and headers
        refused/                      what the backend refused, for ``vaquero spool resend``
        <pid>-<time>-<random>/        one process: ``lock``, ``cursor``, ``00000001.seg`` ...
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

try:
    # The same function; but hashlib would load all of OpenSSL for it.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from vaquero.pipeline.settings import Destination, Signal

KEY_NAME = "key"
REFUSED_NAME = "refused"
_KEY_BYTES = 32
_NAME_BYTES = 12

_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)

#: Whether this system offers what a safe spool is built on (Windows does not).
SUPPORTED = bool(_DIRECTORY and _NO_FOLLOW and hasattr(os, "geteuid"))


class UnsafeFolderError(OSError):
    """A folder of the spool belongs to somebody else, or is a link."""


def open_folder(path: Path, *, create: bool) -> int:
    """A descriptor of a folder that is ours alone.

    Args:
        path: The folder; links in its parents are followed, a link in its place is not.
        create: Make it, with its parents, where it is missing.

    Raises:
        UnsafeFolderError: It is a link, or another user owns it.
        OSError: It cannot be made or opened.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
    return _checked(os.open(path, os.O_RDONLY | _DIRECTORY | _NO_FOLLOW), path)


def open_inside(parent: int, name: str, *, create: bool) -> int:
    """As :func:`open_folder`, for a folder inside one that is open already."""
    if create:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            pass
    handle = os.open(name, os.O_RDONLY | _DIRECTORY | _NO_FOLLOW, dir_fd=parent)
    return _checked(handle, Path(name))


def _checked(handle: int, path: Path) -> int:
    try:
        info = os.fstat(handle)
        if info.st_uid != os.geteuid():
            raise UnsafeFolderError(errno.EPERM, f"another user owns {path}")
        if stat.S_IMODE(info.st_mode) & 0o077:
            os.fchmod(handle, 0o700)
    except BaseException:
        os.close(handle)
        raise
    return handle


def create_file(parent: int, name: str, *, append: bool = False) -> int:
    """A new file in an open folder, 0600; it must not exist.

    Raises:
        OSError: It exists, or cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
    return os.open(name, flags | (os.O_APPEND if append else 0), 0o600, dir_fd=parent)


def open_file(parent: int, name: str, flags: int = os.O_RDONLY) -> int:
    """An existing file in an open folder, never through a link.

    Raises:
        OSError: It is missing, a link, not a plain file, or another user's.
    """
    handle = os.open(name, flags | _NO_FOLLOW | os.O_NONBLOCK, dir_fd=parent)
    info = os.fstat(handle)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
        os.close(handle)
        raise UnsafeFolderError(errno.EPERM, f"{name} is no plain file of ours")
    return handle


def read_key(root: int) -> bytes:
    """The user's key for folder names, made where there is none.

    Raises:
        OSError: It cannot be read or made.
    """
    for _ in range(3):
        try:
            handle = open_file(root, KEY_NAME)
        except FileNotFoundError:
            _make_key(root)
            continue
        try:
            key = os.read(handle, _KEY_BYTES + 1)
        finally:
            os.close(handle)
        if len(key) == _KEY_BYTES:
            return key
        os.unlink(KEY_NAME, dir_fd=root)
    raise OSError(errno.EIO, "the spool's key cannot be made")


def _make_key(root: int) -> None:
    """Write a key beside its place and link it there: whoever is first wins, nobody reads half."""
    name = f"{KEY_NAME}.{os.getpid()}.{os.urandom(4).hex()}"
    handle = create_file(root, name)
    try:
        os.write(handle, os.urandom(_KEY_BYTES))
    finally:
        os.close(handle)
    try:
        os.link(name, KEY_NAME, src_dir_fd=root, dst_dir_fd=root)
    except FileExistsError:
        pass
    finally:
        os.unlink(name, dir_fd=root)


def destination_name(key: bytes, signal: Signal, destination: Destination) -> str:
    """The folder name of a destination, which cannot be guessed from it without the key."""
    headers = sorted((name.lower(), value) for name, value in destination.headers)
    identity = json.dumps([signal, destination.endpoint, destination.protocol, headers])
    return blake2b(identity.encode(), key=key, digest_size=_NAME_BYTES).hexdigest()


def is_destination_name(name: str) -> bool:
    """Whether a folder in the root is one of ours."""
    return len(name) == _NAME_BYTES * 2 and all(char in "0123456789abcdef" for char in name)
