"""Spans as an indented tree with durations, on stderr: for a look without viewer or network.

A tree is printed when its root in this process has ended. Spans whose root does not end here (it is
open at the exit, or belongs to another process) are printed when the process ends.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode

from vaquero import _guard, _process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

#: Spans that wait for their root; beyond it the oldest trace is printed as far as it is known.
MAX_WAITING = 10_000

#: Finished spans between the application and the printing thread; beyond it they are not printed.
MAX_QUEUED = 10_000

_NAME_WIDTH = 44

#: What printing the rest may cost at the exit, in milliseconds.
_EXIT_MS = 1000


@dataclass
class Line:
    """What is printed of one span.

    Attributes:
        trace_no: Trace id.
        span_no: Span id.
        parent_no: Span id of the parent in this process; 0 for a root of this process.
        name: The span's name.
        start_ns: Start, Unix time in nanoseconds.
        duration_ns: End minus start.
        error: What went wrong, on one line; empty where nothing did.
    """

    trace_no: int
    span_no: int
    parent_no: int
    name: str
    start_ns: int
    duration_ns: int
    error: str = ""


class ConsoleProcessor(SpanProcessor):
    """Prints finished spans as trees.

    Args:
        stream: Where to; stderr as it is at each line, by default.
        clean: Takes secrets out of a name or an error's text before it is printed.
    """

    def __init__(
        self, stream: TextIO | None = None, clean: Callable[[str], str] | None = None
    ) -> None:
        self._stream = stream
        self._clean = clean
        self._reset()
        _process.at_exit(_process.Stage.CONSOLE, self._at_exit)
        _process.after_fork_in_child(self._reset)

    def _at_exit(self) -> None:
        self.force_flush(_EXIT_MS)

    def _reset(self) -> None:
        self._queue: queue.SimpleQueue[Line | threading.Event] = queue.SimpleQueue()
        self._traces: dict[int, list[Line]] = {}
        self._waiting = 0
        self._skipped = 0
        self._printer: threading.Thread | None = None
        self._lock = threading.Lock()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing: a tree is printed when it is whole."""

    def on_end(self, span: ReadableSpan) -> None:
        """Hand a finished span to the printing thread; never raises, never waits for output."""
        try:
            if self._queue.qsize() >= MAX_QUEUED:
                self._skipped += 1
                return
            self._queue.put(line_of(span))
            if self._printer is None:
                self._start()
        except Exception as error:
            _guard.report(error, "the console")

    def shutdown(self) -> None:
        """Print what is left."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Print every span that has ended, also where its root has not."""
        if self._printer is None or not self._printer.is_alive():
            return True
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout_millis / 1000)

    def _start(self) -> None:
        with self._lock:
            if self._printer is None:
                self._printer = threading.Thread(
                    target=self._print, name="vaquero-console", daemon=True
                )
                self._printer.start()

    def _print(self) -> None:
        while True:
            item = self._queue.get()
            try:
                if isinstance(item, threading.Event):
                    for trace_no in list(self._traces):
                        self._write(trace_no)
                    self._report_skipped()
                    item.set()
                else:
                    self._take(item)
            except Exception as error:
                _guard.report(error, "the console")

    def _take(self, line: Line) -> None:
        self._traces.setdefault(line.trace_no, []).append(self._cleaned(line))
        self._waiting += 1
        if not line.parent_no:
            self._write(line.trace_no)
        elif self._waiting > MAX_WAITING:
            self._write(next(iter(self._traces)))

    def _write(self, trace_no: int) -> None:
        lines = self._traces.pop(trace_no)
        self._waiting -= len(lines)
        self._print_text("".join(f"{text}\n" for text in tree(lines)))

    def _cleaned(self, line: Line) -> Line:
        if self._clean is None:
            return line
        error = self._clean(line.error) if line.error else ""
        return replace(line, name=self._clean(line.name), error=error)

    def _report_skipped(self) -> None:
        if self._skipped:
            self._print_text(f"vaquero: {self._skipped} spans were too many to print.\n")
            self._skipped = 0

    def _print_text(self, text: str) -> None:
        stream = self._stream or sys.stderr
        if stream is not None and text:
            # One write for a tree, so that the lines of two processes do not mix.
            try:
                stream.write(text)
            except UnicodeEncodeError:
                encoding = stream.encoding or "ascii"
                stream.write(text.replace("µ", "u").encode(encoding, "replace").decode(encoding))
            stream.flush()


def line_of(span: ReadableSpan) -> Line:
    """What is printed of a finished span; no attributes, since they may hold what is secret."""
    context: Any = span.get_span_context()
    parent = span.parent
    start_ns = span.start_time or 0
    return Line(
        trace_no=context.trace_id,
        span_no=context.span_id,
        parent_no=parent.span_id if parent is not None and not parent.is_remote else 0,
        name=_one_line(span.name),
        start_ns=start_ns,
        duration_ns=max(0, (span.end_time or start_ns) - start_ns),
        error=_error(span),
    )


def _error(span: ReadableSpan) -> str:
    if span.status.status_code is not StatusCode.ERROR:
        return ""
    return _one_line(span.status.description or "error")


def _one_line(text: Any) -> str:
    # A span's name may hold anything: control characters must not steer the terminal.
    shown = "".join(c if c.isprintable() else " " for c in str(text))
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    return shown if len(shown) <= 120 else shown[:117] + "..."


def tree(lines: Iterable[Line], *, colour: bool | None = None) -> Iterator[str]:
    """The spans of one trace, children below their parents in the order of their start.

    Args:
        lines: Spans of one trace. One whose parent is not among them stands at the margin.
        colour: Mark errors in red; by default where stderr is a terminal and ``NO_COLOR`` unset.
    """
    coloured = _terminal() if colour is None else colour
    known = {line.span_no: line for line in lines}
    below: dict[int, list[Line]] = {}
    for line in sorted(known.values(), key=lambda line: line.start_ns):
        below.setdefault(line.parent_no if line.parent_no in known else 0, []).append(line)
    # Not by recursion: a trace may be deeper than Python's stack.
    stack = [(line, 0) for line in reversed(below.pop(0, []))]
    while stack:
        line, depth = stack.pop()
        yield _text(line, depth, coloured)
        stack.extend((child, depth + 1) for child in reversed(below.pop(line.span_no, [])))


def _terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _text(line: Line, depth: int, colour: bool) -> str:
    name = "  " * min(depth, 40) + line.name
    text = f"{name:<{_NAME_WIDTH}} {duration(line.duration_ns):>9}"
    if not line.error:
        return text
    mark = f"! {line.error}"
    return f"{text}  \x1b[31m{mark}\x1b[0m" if colour else f"{text}  {mark}"


def duration(nanoseconds: int) -> str:
    """A duration with three digits: ``830 µs``, ``12.4 ms``, ``1.25 s``, ``2 m 5 s``."""
    if nanoseconds < 999_500:
        return f"{nanoseconds / 1_000:.0f} µs"
    if nanoseconds < 999_500_000:
        return f"{_digits(nanoseconds / 1_000_000)} ms"
    if nanoseconds < 59_950_000_000:
        return f"{_digits(nanoseconds / 1_000_000_000)} s"
    minutes, seconds = divmod(round(nanoseconds / 1_000_000_000), 60)
    return f"{minutes} m {seconds} s"


def _digits(value: float) -> str:
    # Compared with what is shown: 9.996 is 10.0, not 10.00.
    return f"{value:.0f}" if value >= 99.95 else f"{value:.{1 if value >= 9.995 else 2}f}"
