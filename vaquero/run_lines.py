"""The two lines of ``vaquero run`` on a terminal: where telemetry goes, and what became of it.

``vaquero run`` replaces itself by the program, so the program's first Python process says them.
``VAQUERO_RUN`` is ``<pid of the process that speaks, 0 until it is known>:<tally>``; each process
below adds a line to the tally at its exit, and the one that speaks adds them up.
"""

from __future__ import annotations

import atexit
import os
import sys
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from vaquero import _guard, _runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = "VAQUERO_RUN"


@dataclass(frozen=True)
class Counts:
    """Spans of one process, or of all of them."""

    sent: int = 0
    kept: int = 0
    dropped: int = 0

    def __add__(self, other: Counts) -> Counts:
        """The counts of both together."""
        return Counts(self.sent + other.sent, self.kept + other.kept, self.dropped + other.dropped)


_sdk: Any = None
_registered = False


@_guard.quiet(None)
def register() -> None:
    """Say at the exit of this process what became of its spans; nothing outside ``vaquero run``."""
    global _registered
    owner, tally = _place()
    if not tally or _registered:
        return
    _registered = True
    if owner == 0:
        os.environ[_VARIABLE] = f"{os.getpid()}:{tally}"
    atexit.register(_part)
    _runtime.after_fork_in_child(_in_child)


@_guard.quiet(None)
def greet() -> None:
    """Say once where telemetry goes, and what is not instrumented."""
    global _sdk
    _sdk = _runtime.sdk
    owner, tally = _place()
    if not tally or owner != os.getpid() or _sdk is None or not _sdk.is_enabled():
        return
    _say(greeting(_sdk.settings, uninstrumented()))


def greeting(settings: Any, libraries: Mapping[str, str]) -> str:
    """The line at the start.

    Args:
        settings: The settings in use.
        libraries: Installed libraries that nothing instruments, each with what would be gained.
    """
    from vaquero.sdk import endpoints

    destination = endpoints.destination("traces", settings)
    address = destination.address.removesuffix("/v1/traces")
    line = f"vaquero: sending to {address}"
    line += f" as '{settings['service_name']}'." if settings["service_name"] else "."
    if not destination.named_by_user:
        line += " To look: vaquero view."
    line += " To silence: VAQUERO_QUIET=1."
    missing = [f"{name} ({gain})" for name, gain in sorted(libraries.items())]
    if missing:
        more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
        line += f" Not seen: {', '.join(missing[:4])}{more}. To add: vaquero instrument install."
    return line


def farewell(counts: Counts) -> str:
    """The line at the exit."""
    line = f"vaquero: {counts.sent} {'span' if counts.sent == 1 else 'spans'} sent"
    if counts.kept:
        line += f", {counts.kept} kept for later (vaquero spool list)"
    if counts.dropped:
        line += f", {counts.dropped} dropped"
    return line + "."


def uninstrumented() -> dict[str, str]:
    """Libraries whose instrumentation fits and is not installed, each with what it would add.

    Source: the table of what is published, against the metadata of this environment.
    """
    from vaquero.auto_instrumentation.survey import Environment, survey
    from vaquero.auto_instrumentation.switches import read

    return {
        one.library: one.row.gain
        for one in survey(Environment(), read())
        if one.state == "missing" and one.wanted
    }


def _place() -> tuple[int, str]:
    owner, colon, tally = os.environ.get(_VARIABLE, "").partition(":")
    if not colon or not owner.isdigit():
        return 0, ""
    return int(owner), tally


def _in_child() -> None:
    # A child of multiprocessing leaves without atexit, but through its finalizers.
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_part, _finalize_in_child)


def _finalize_in_child(part: Any) -> None:
    from multiprocessing.util import Finalize

    # After the SDK's own (priority 100), which sends.
    Finalize(None, part, exitpriority=50)


@_guard.quiet(None)
def _part() -> None:
    owner, tally = _place()
    counts = _counted(_runtime.sdk or _sdk)
    if not tally or counts is None:
        return
    if owner != os.getpid():
        _note(tally, counts)
        return
    _say(farewell(counts + _noted(tally)))
    os.unlink(tally)


def _counted(sdk: Any) -> Counts | None:
    stats = sdk.get_stats() if sdk is not None else None
    if not stats:
        return None
    sent, dropped = stats["spans_sent"], stats["spans_dropped"]
    return Counts(sent, max(0, stats["spans_accepted"] - sent - dropped), dropped)


def _note(tally: str, counts: Counts) -> None:
    # One write of a few bytes to a file opened for appending is not torn between processes.
    handle = os.open(tally, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, (" ".join(map(str, astuple(counts))) + "\n").encode())
    finally:
        os.close(handle)


def _noted(tally: str) -> Counts:
    total = Counts()
    with open(tally, encoding="ascii") as lines:
        for line in lines:
            sent, kept, dropped = map(int, line.split())
            total += Counts(sent, kept, dropped)
    return total


def _say(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
