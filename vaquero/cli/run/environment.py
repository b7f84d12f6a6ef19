"""What ``vaquero run`` puts into the environment of the program, and finding the program itself."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaquero.cli.run.distro_choice import UWSGI

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

AUTOSTART = Path(__file__).resolve().parent / "autostart"


class NotFoundError(click.ClickException):
    """There is no such program; the exit code is a shell's."""

    exit_code = 127


class NotExecutableError(click.ClickException):
    """The program is there but cannot be executed; the exit code is a shell's."""

    exit_code = 126


def resolve(words: Sequence[str]) -> tuple[str, list[str]]:
    """Find the program.

    Args:
        words: The command as typed. A Python file that is not executable is run by this Python.

    Returns:
        Path of the executable, and the words to start it with.

    Raises:
        NotFoundError: There is no such program.
        NotExecutableError: It cannot be executed.
    """
    name = words[0]
    found = shutil.which(name)
    if found is not None:
        return found, list(words)
    if name.endswith((".py", ".pyw")):
        if Path(name).is_file():
            return sys.executable, [sys.executable, *words]
        raise NotFoundError(f"{name}: no such file in {Path.cwd()}")
    if Path(name).is_dir() or (os.sep in name and Path(name).exists()):
        raise NotExecutableError(f"{name}: is not an executable program")
    raise NotFoundError(f"{name}: command not found")


def prepare(environ: MutableMapping[str, str]) -> None:
    """Make every Python process below this one start vaquero.

    Both selector variables are set over whatever was there: who types ``vaquero run`` chose.
    The working directory is not put on the path (upstream's launcher does): the program finds the
    modules that it finds without us.
    """
    for variable, value in UWSGI.items():
        environ.setdefault(variable, value)
    environ["OTEL_PYTHON_DISTRO"] = "vaquero"
    environ["OTEL_PYTHON_CONFIGURATOR"] = "vaquero"
    parts = environ.get("PYTHONPATH", "").split(os.pathsep)
    rest = [part for part in parts if part and part != str(AUTOSTART)]
    environ["PYTHONPATH"] = os.pathsep.join([str(AUTOSTART), *rest])


def decide_run_lines(environ: MutableMapping[str, str], *, terminal: bool) -> None:
    """Decide whether the program's processes print the lines of start and exit.

    ``VAQUERO_RUN_LINES`` is ``<pid of the process that prints, 0 until it is known>:<tally>``. The
    tally is a file in which each process below notes at its exit what it sent; the process that
    prints adds it up and removes it. Empty where no line is printed.

    Args:
        environ: The program's environment, changed in place.
        terminal: Whether stderr is a terminal.
    """
    tally = ""
    if terminal and not is_set(environ, "VAQUERO_QUIET"):
        handle, tally = tempfile.mkstemp(prefix="vaquero-run-")
        os.close(handle)
    environ["VAQUERO_RUN_LINES"] = f"0:{tally}"


def is_set(environ: Mapping[str, str], name: str) -> bool:
    """Whether a switch among the variables is on."""
    return environ.get(name, "").strip().lower() not in ("", "0", "false", "no", "off")


def execute(executable: str, words: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Become the program. Returns only where the system cannot replace a process (Windows).

    Raises:
        NotExecutableError: The system refuses to execute it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.name == "nt":
            import subprocess

            return subprocess.call([executable, *words[1:]], env=dict(environ))
        os.execve(executable, list(words), dict(environ))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NotExecutableError(f"{words[0]}: {reason}") from None
