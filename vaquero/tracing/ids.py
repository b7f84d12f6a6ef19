"""Random trace and span ids, from a generator that nobody else seeds.

An application that calls ``random.seed(42)`` in each of its workers gives all of them the same
sequence; ids drawn from the module's shared generator would then repeat across processes. A forked
child seeds it again, so it never repeats its parent's ids.
"""

from __future__ import annotations

import random

from opentelemetry.trace import TraceFlags

from vaquero import _process

_source = random.Random()

#: ``bits(n)`` gives an integer of ``n`` random bits.
bits = _source.getrandbits

#: The W3C flag that says the trace id is random; 0 where the installed API does not know it.
RANDOM_BIT: int = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)


def new_trace_no() -> int:
    """A random trace id of 128 bits, never 0."""
    while True:
        number = bits(128)
        if number:
            return number


def new_span_no() -> int:
    """A random span id of 64 bits, never 0."""
    while True:
        number = bits(64)
        if number:
            return number


_process.after_fork_in_child(lambda: _source.seed())
