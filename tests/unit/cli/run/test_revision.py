"""The commit of a run, read from the files of a repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vaquero.cli.run.revision import Revision, read_revision


def _git(folder: Path, *words: str) -> str:
    command = ("git", "-c", "user.name=n", "-c", "user.email=e@example.com", *words)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit on the branch ``feature/one``."""
    root = tmp_path / "code"
    root.mkdir()
    _git(root, "init", "-q", "-b", "feature/one")
    _git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


def test_branch_and_commit_are_those_of_git(repository: Path) -> None:
    """Also below the top, and after git has packed its references."""
    expected = Revision(_git(repository, "rev-parse", "HEAD"), "feature/one")
    below = repository / "a" / "b"
    below.mkdir(parents=True)
    assert read_revision(repository) == expected
    assert read_revision(below) == expected
    _git(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads/feature/one").exists()
    assert read_revision(repository) == expected


def test_a_commit_without_a_branch_has_none(repository: Path) -> None:
    """A detached HEAD, as servers of continuous integration check out."""
    _git(repository, "checkout", "-q", "--detach")
    assert read_revision(repository) == Revision(_git(repository, "rev-parse", "HEAD"), None)


def test_a_second_work_tree_has_its_own_head(repository: Path, tmp_path: Path) -> None:
    """There ``.git`` is a file that names a folder, and references are shared."""
    other = tmp_path / "other"
    _git(repository, "worktree", "add", "-q", "-b", "two", str(other))
    _git(other, "commit", "-q", "--allow-empty", "-m", "second")
    assert read_revision(other) == Revision(_git(other, "rev-parse", "HEAD"), "two")


def test_what_is_no_repository_has_no_commit(tmp_path: Path) -> None:
    """Nothing, an empty repository, and files that say something else."""
    assert read_revision(tmp_path) is None
    empty = tmp_path / "empty"
    empty.mkdir()
    _git(empty, "init", "-q")
    assert read_revision(empty) is None
    broken = tmp_path / "broken"
    (broken / ".git").mkdir(parents=True)
    (broken / ".git" / "HEAD").write_bytes(b"\xff\x00 what")
    assert read_revision(broken) is None
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").write_text("gitdir: /nowhere/at/all")
    assert read_revision(linked) is None
