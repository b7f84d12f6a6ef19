"""Spans as a tree on stderr."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from vaquero.console import MAX_WAITING, ConsoleProcessor, Line, tree


@pytest.fixture
def shown() -> Iterator[tuple[trace.Tracer, ConsoleProcessor, io.StringIO]]:
    """A tracer, the processor that prints its spans, and what was printed."""
    stream = io.StringIO()
    processor = ConsoleProcessor(stream)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    yield provider.get_tracer("test"), processor, stream
    provider.shutdown()


def _line(span_no: int, parent_no: int, name: str, start_ns: int = 0, error: str = "") -> Line:
    return Line(1, span_no, parent_no, name, start_ns, 1_500_000, error)


def test_children_stand_below_their_parents_in_the_order_of_their_start(
    shown: tuple[trace.Tracer, ConsoleProcessor, io.StringIO],
) -> None:
    """A trace is printed whole when its root ends, indented by depth."""
    tracer, processor, stream = shown
    with tracer.start_as_current_span("GET /checkout"):
        with tracer.start_as_current_span("validate"):
            pass
        with tracer.start_as_current_span("pay"), tracer.start_as_current_span("card"):
            pass
    assert processor.force_flush()
    names = [line[:20].rstrip() for line in stream.getvalue().splitlines()]
    assert names == ["GET /checkout", "  validate", "  pay", "    card"]


def test_an_error_is_shown_on_one_line(
    shown: tuple[trace.Tracer, ConsoleProcessor, io.StringIO],
) -> None:
    """The error of a span stands beside it; control characters do not reach the terminal."""
    tracer, processor, stream = shown
    with pytest.raises(ValueError), tracer.start_as_current_span("a\x1b[2Jb"):
        raise ValueError("first\nsecond")
    assert processor.force_flush()
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "! ValueError: first second" in text
    assert "\x1b" not in text


def test_spans_whose_root_never_ends_are_printed_at_the_end(
    shown: tuple[trace.Tracer, ConsoleProcessor, io.StringIO],
) -> None:
    """What belongs to a root that is still open is not lost."""
    tracer, processor, stream = shown
    root = tracer.start_span("open")
    with trace.use_span(root):
        tracer.start_span("below").end()
    processor.shutdown()
    assert stream.getvalue().startswith("below")


def test_the_names_are_cleaned_of_secrets_first() -> None:
    """What takes secrets out is asked before a line is printed."""
    stream = io.StringIO()
    processor = ConsoleProcessor(stream, clean=lambda text: text.replace("hunter2", "***"))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("test").start_span("login hunter2").end()
    provider.shutdown()
    assert "login ***" in stream.getvalue()


def test_memory_is_bounded_where_roots_never_end(
    shown: tuple[trace.Tracer, ConsoleProcessor, io.StringIO],
) -> None:
    """Beyond the bound the oldest trace is printed as far as it is known."""
    _, processor, stream = shown
    for number in range(MAX_WAITING + 1):
        processor._take(Line(number % 7, number + 1, 999_999_999, "x", number, 1))
    assert processor._waiting <= MAX_WAITING
    assert stream.getvalue()


def test_a_deep_trace_does_not_exhaust_the_stack() -> None:
    """A chain deeper than Python's recursion limit is printed."""
    lines = [_line(number, number - 1, f"s{number}") for number in range(1, 3000)]
    assert len(list(tree(lines, colour=False))) == 2999


def test_colour_only_where_it_is_asked_for() -> None:
    """Escape codes appear for an error on a terminal, and nowhere else."""
    lines = [_line(1, 0, "a", error="broken")]
    assert "\x1b[31m" in "".join(tree(lines, colour=True))
    assert "\x1b" not in "".join(tree(lines, colour=False))


def test_a_stream_that_cannot_write_the_unit() -> None:
    """An ASCII stream gets the tree all the same, with ``us``; other letters become ``?``."""
    raw = io.BytesIO()
    processor = ConsoleProcessor(io.TextIOWrapper(raw, encoding="ascii"))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("test").start_span("prix à payer", start_time=1).end(end_time=13_401)
    processor.force_flush()
    assert raw.getvalue().split() == [b"prix", b"?", b"payer", b"13", b"us"]
