"""The two lines of ``vaquero run`` on a terminal: where telemetry goes, and what became of it.

``vaquero run`` replaces itself by the program, so the program's first Python process prints them.
``VAQUERO_RUN_LINES`` is ``<pid of that process, 0 until it is known>:<tally file>``; each process
below it adds a line to the file at its exit, and the first one adds them up.
"""

from __future__ import annotations

import os
import sys
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from vaquero import _guard, _process, _runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = "VAQUERO_RUN_LINES"


@dataclass(frozen=True)
class SpanCounts:
    """Spans of one process, or of all of them."""

    sent: int = 0
    kept: int = 0
    dropped: int = 0

    def __add__(self, other: SpanCounts) -> SpanCounts:
        """The counts of both together."""
        return SpanCounts(
            self.sent + other.sent, self.kept + other.kept, self.dropped + other.dropped
        )


_sdk: Any = None
_registered = False


@_guard.quiet(None)
def register() -> None:
    """Print or note at the exit what became of the spans; nothing outside ``vaquero run``."""
    global _registered
    printer, tally = _printer_and_tally()
    if not tally or _registered:
        return
    _registered = True
    if printer == 0:
        os.environ[_VARIABLE] = f"{os.getpid()}:{tally}"
    _process.at_exit(_process.Stage.EXIT_LINE, _at_exit)


@_guard.quiet(None)
def print_start_line() -> None:
    """Print where telemetry goes, and what is not instrumented."""
    global _sdk
    _sdk = _runtime.sdk
    printer, tally = _printer_and_tally()
    if not tally or printer != os.getpid() or _sdk is None or not _sdk.is_enabled():
        return
    from vaquero.auto_instrumentation.survey import uninstrumented

    _print(start_line(_sdk.settings, uninstrumented()))


def start_line(settings: Any, libraries: Mapping[str, str]) -> str:
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


def exit_line(counts: SpanCounts) -> str:
    """The line at the exit."""
    line = f"vaquero: {counts.sent} {'span' if counts.sent == 1 else 'spans'} sent"
    if counts.kept:
        line += f", {counts.kept} kept for later (vaquero spool list)"
    if counts.dropped:
        line += f", {counts.dropped} dropped"
    return line + "."


def _printer_and_tally() -> tuple[int, str]:
    """The process that prints, and the file of the others' counts; empty where there is none."""
    pid, colon, tally = os.environ.get(_VARIABLE, "").partition(":")
    if not colon or not pid.isdigit():
        return 0, ""
    return int(pid), tally


@_guard.quiet(None)
def _at_exit() -> None:
    printer, tally = _printer_and_tally()
    counts = _own_counts(_runtime.sdk or _sdk)
    if not tally or counts is None:
        return
    if printer != os.getpid():
        _add_counts(tally, counts)
        return
    _print(exit_line(counts + _read_counts(tally)))
    os.unlink(tally)


def _own_counts(sdk: Any) -> SpanCounts | None:
    stats = sdk.get_stats() if sdk is not None else None
    if not stats:
        return None
    sent, dropped = stats["spans_sent"], stats["spans_dropped"]
    return SpanCounts(sent, max(0, stats["spans_accepted"] - sent - dropped), dropped)


def _add_counts(tally: str, counts: SpanCounts) -> None:
    # One write of a few bytes to a file opened for appending is not torn between processes.
    handle = os.open(tally, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, (" ".join(map(str, astuple(counts))) + "\n").encode())
    finally:
        os.close(handle)


def _read_counts(tally: str) -> SpanCounts:
    total = SpanCounts()
    with open(tally, encoding="ascii") as lines:
        for line in lines:
            sent, kept, dropped = map(int, line.split())
            total += SpanCounts(sent, kept, dropped)
    return total


def _print(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
