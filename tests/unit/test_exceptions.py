"""What an exception becomes on a span."""

from __future__ import annotations

import pytest

import vaquero
from vaquero._exceptions import MAX_FRAMES
from vaquero.testing import capture


def test_a_deep_traceback_is_cut() -> None:
    """A recursion through spans that fails at its bottom writes a bounded traceback on each."""

    def down(levels: int) -> None:
        with vaquero.span("level"):
            if not levels:
                raise ValueError("bottom")
            down(levels - 1)

    with capture() as seen, pytest.raises(ValueError, match="bottom"):
        down(MAX_FRAMES * 2)

    outermost = seen.spans[-1].events[0].attributes
    innermost = seen.spans[0].events[0].attributes
    assert outermost is not None
    assert innermost is not None
    trace_text = str(outermost["exception.stacktrace"])
    assert trace_text.startswith("[only the innermost 128 frames")
    assert trace_text.endswith("ValueError: bottom\n")
    assert str(innermost["exception.stacktrace"]).startswith("Traceback")
