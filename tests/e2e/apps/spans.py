"""One span for each piece of work, marked so that a test can tell them apart."""

import os

import vaquero


def work(mark: str) -> str:
    """One span."""
    with vaquero.span("work", {"mark": mark, "pid": os.getpid()}):
        return f"did {mark}"
