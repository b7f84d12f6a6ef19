"""A child process that gets our signals, and whose exit code becomes ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from vaquero.cli.run.environment import NotExecutableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Handed on, where the system has them.
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")

#: What a terminal sends to the whole foreground group by itself: the child has it already.
_FROM_TERMINAL = frozenset({"SIGINT", "SIGQUIT", "SIGHUP"})


def run(executable: str, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a program to its end, handing on the signals that this process gets.

    Args:
        executable: Path of the program.
        words: Its command line; the first is the name it sees.
        environ: Its environment.

    Returns:
        Its exit code; 128 and the number of the signal that ended it, as a shell has it.

    Raises:
        NotExecutableError: The system refuses to start it.
    """
    forwarder = _SignalForwarder()
    before = {number: signal.signal(number, forwarder) for number in _forwarded_numbers()}
    try:
        forwarder.child = subprocess.Popen(list(words), executable=executable, env=dict(environ))
        forwarder.forward_early()
        code = forwarder.child.wait()
    except OSError as error:
        raise NotExecutableError(f"{words[0]}: {error.strerror or error}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


class _SignalForwarder:
    """A signal handler that hands on to the child, also what came before there was one."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int, frame: Any) -> None:
        del frame
        if self.child is None:
            self._early.append(number)
        elif not (signal.Signals(number).name in _FROM_TERMINAL and in_foreground()):
            self._forward(number)

    def forward_early(self) -> None:
        """Hand on what came too early, from wherever it came."""
        for number in self._early:
            self._forward(number)

    def _forward(self, number: int) -> None:
        if self.child is not None:
            with contextlib.suppress(OSError):
                self.child.send_signal(number)


def _forwarded_numbers() -> list[int]:
    return [int(getattr(signal, name)) for name in _FORWARDED if hasattr(signal, name)]


def in_foreground() -> bool:
    """Whether a terminal sends its signals to this process: and to its children too."""
    if os.name == "nt":
        return True  # A console sends Ctrl-C to everybody in it.
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
