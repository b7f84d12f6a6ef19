"""The environment and the program of ``vaquero run``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vaquero.cli.run import environment
from vaquero.cli.run.environment import AUTOSTART, NotExecutableError, NotFoundError


def test_a_command_is_found_on_the_path() -> None:
    """The executable is resolved, and the program sees its name as typed."""
    found, words = environment.resolve(["sh", "-c", "true"])
    assert os.access(found, os.X_OK)
    assert words == ["sh", "-c", "true"]


def test_a_python_file_is_run_by_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that is not executable needs no ``python`` before it."""
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text("print('hi')")
    assert environment.resolve(["app.py", "-x"]) == (
        sys.executable,
        [sys.executable, "app.py", "-x"],
    )


@pytest.mark.parametrize("name", ["nosuchcommand", "missing.py", "./nosuch"])
def test_a_missing_command_is_127(name: str) -> None:
    """What is not there has a shell's exit code, and is named."""
    with pytest.raises(NotFoundError, match=name.replace("./", "")) as caught:
        environment.resolve([name])
    assert caught.value.exit_code == 127


def test_what_is_no_program_is_126(tmp_path: Path) -> None:
    """A file without permission to execute has a shell's exit code."""
    (tmp_path / "data.txt").write_text("x")
    with pytest.raises(NotExecutableError) as caught:
        environment.resolve([str(tmp_path / "data.txt")])
    assert caught.value.exit_code == 126


def test_preparing_twice_puts_the_folder_once_and_first() -> None:
    """A run inside of a run starts vaquero once, and the path of the user stays."""
    environ = {"PYTHONPATH": f"/a{os.pathsep}/b", "OTEL_PYTHON_DISTRO": "other"}
    environment.prepare(environ)
    environment.prepare(environ)
    assert environ["PYTHONPATH"].split(os.pathsep) == [str(AUTOSTART), "/a", "/b"]
    assert environ["OTEL_PYTHON_DISTRO"] == environ["OTEL_PYTHON_CONFIGURATOR"] == "vaquero"


@pytest.mark.parametrize(
    ("terminal", "quiet", "speaks"),
    [(True, "", True), (True, "0", True), (True, "1", False), (False, "", False)],
)
def test_lines_only_on_a_terminal_and_only_where_not_silenced(
    terminal: bool, quiet: str, speaks: bool
) -> None:
    """The tally is made exactly where somebody reads the lines."""
    environ = {"VAQUERO_QUIET": quiet}
    environment.decide_run_lines(environ, terminal=terminal)
    owner, _, tally = environ["VAQUERO_RUN_LINES"].partition(":")
    assert owner == "0"
    assert bool(tally) is speaks
    if tally:
        Path(tally).unlink()
