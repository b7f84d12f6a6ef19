"""Time that does not jump: one wall anchor for each trace root, monotonic from there.

A root span reads the wall clock once. Its anchor is what must be added to
``time.perf_counter_ns()`` to get Unix time, and its children use the same anchor, so durations
are never negative and spans of one trace fit into each other whatever the wall clock does.

The monotonic clock stands still while the machine sleeps, and a trace may live for days: a child
whose time by the anchor is more than :data:`TOLERANCE_NS` away from the wall clock starts an
anchor of its own. Times that the application gives explicitly are kept as they are.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns

#: How far the anchor of a trace may be away from the wall clock, in nanoseconds.
TOLERANCE_NS = 1_000_000_000


def new_anchor() -> int:
    """Nanoseconds to add to ``perf_counter_ns()`` for Unix time, by the wall clock of now."""
    return time_ns() - perf_counter_ns()


def inherited(anchor: int) -> int:
    """The parent's anchor, or a new one where it has drifted away from the wall clock."""
    fresh = time_ns() - perf_counter_ns()
    return anchor if -TOLERANCE_NS < fresh - anchor < TOLERANCE_NS else fresh
