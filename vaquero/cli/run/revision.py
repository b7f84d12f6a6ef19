"""Which commit of the code a run is of, read from the repository's own files, without a process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

#: More than any file that is read here has, but for a list of packed references.
_MAX_BYTES = 4 * 1024 * 1024


class Revision(NamedTuple):
    """A commit as git names it.

    Attributes:
        commit: Its hash, 40 or 64 hexadecimal digits.
        branch: The branch that is checked out; None for a commit without one.
    """

    commit: str
    branch: str | None


def read_revision(folder: Path) -> Revision | None:
    """The commit that is checked out where this folder is; None outside a repository.

    Nothing is said of changes that are not committed: to know them takes git itself. Never raises.

    Args:
        folder: Any folder of a work tree.
    """
    try:
        for place in (folder, *folder.parents):
            if (place / ".git").exists():
                return _of(place / ".git")
    except (OSError, ValueError):
        return None
    return None


def _of(marker: Path) -> Revision | None:
    own = marker
    if marker.is_file():
        # A work tree of its own, or a submodule: the file names the folder.
        named = _text(marker).removeprefix("gitdir:").strip()
        own = (marker.parent / named).resolve()
    common = own
    if (own / "commondir").is_file():
        common = (own / _text(own / "commondir").strip()).resolve()
    head = _text(own / "HEAD").strip()
    if not head.startswith("ref:"):
        return _revision(head, None)
    reference = head.removeprefix("ref:").strip()
    branch = reference.removeprefix("refs/heads/")
    for place in (own, common):
        if (place / reference).is_file():
            return _revision(_text(place / reference).strip(), branch)
    for line in _text(common / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return _revision(commit, branch)
    return None  # A branch without a commit.


def _revision(commit: str, branch: str | None) -> Revision | None:
    return Revision(commit, branch) if _REVISION.fullmatch(commit) else None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES).decode("utf-8", "replace")
