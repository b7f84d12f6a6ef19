"""What is downloaded or built for tests: made once, before them, in the time of none of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.made_once import ROOT, CannotBeMade, Folder

pytest.importorskip("fcntl")

CONFTEST = """
import time
from pathlib import Path

from tests.support.made_once import CannotBeMade
from tests.support.prerequisites import PREREQUISITES, Prerequisite

RESULT = Path(__file__).with_name("result")

def make():
    time.sleep(2.5)
    if {fails}:
        raise CannotBeMade("no compiler")
    RESULT.write_text("made")
    return RESULT

def path():
    return RESULT if RESULT.exists() else None

PREREQUISITES["binary"] = Prerequisite("something slow", "seconds", path, make)
"""

TEST = """
def test_uses_it(binary):
    assert binary.read_text() == "made"

def test_does_not():
    pass
"""


def _pytest(folder: Path, fails: bool, *words: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST.format(fails=fails))
    (folder / "pytest.ini").write_text("[pytest]\ntimeout = 2\n")
    (folder / "test_it.py").write_text(TEST)
    plugins = ("-p", "tests.support.fixtures", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", *plugins, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["in one process", "in a worker"])
def test_no_timeout_covers_the_making(words: tuple[str, ...], tmp_path: Path) -> None:
    """A test that may take two seconds has what takes longer to make, and the progress is seen."""
    said = _pytest(tmp_path, False, *words)

    assert "2 passed" in said
    assert "making something slow (seconds)" in said


def test_what_is_not_asked_for_is_not_made(tmp_path: Path) -> None:
    """A run of tests that need nothing makes nothing."""
    said = _pytest(tmp_path, False, "-k", "does_not")

    assert "1 passed" in said
    assert not (tmp_path / "result").exists()


def test_what_cannot_be_made_is_said_once(tmp_path: Path) -> None:
    """The tests that need it are skipped with the reason, and nothing is tried again."""
    said = _pytest(tmp_path, True)

    assert "1 passed, 1 skipped" in said
    assert "something slow cannot be made: no compiler" in said
    assert said.count("making something slow") == 1


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_made_once(temporary: Path) -> None:
    """It is filled by the first who asks, and found by all others."""
    filled: list[Path] = []
    first, second = (Folder("thing", [b"input"], filled.append) for _ in range(2))

    assert first.path() is None
    path = first.make()
    assert second.make() == second.path() == path
    assert filled == [path]


def test_other_inputs_make_another_folder(temporary: Path) -> None:
    """What the checkout was before is removed, so that nothing piles up."""
    before = Folder("thing", [b"input"], lambda folder: None).make()
    after = Folder("thing", [b"changed"], lambda folder: None).make()

    assert before != after
    assert not before.exists()


def test_a_folder_whose_making_failed_is_made_again(temporary: Path) -> None:
    """Half of a content is never taken for the whole."""

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise CannotBeMade("no network")

    with pytest.raises(CannotBeMade):
        Folder("thing", [b"input"], fail).make()
    again = Folder("thing", [b"input"], lambda folder: None)
    assert again.path() is None
    assert not (again.make() / "half").exists()
