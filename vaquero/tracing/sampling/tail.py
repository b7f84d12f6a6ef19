"""Keeping errors and slow traces: the spans of a trace wait until its root in this process ends.

Then the whole trace is handed on if one of its spans failed or its root was slow, and a share of
the others with the share in the trace state. What waits is bounded: beyond the bound the trace
that has waited longest is decided by what is known of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor

from vaquero import _process
from vaquero.record import STATUS_ERROR, SpanRecord
from vaquero.tracing.sampling import thresholds

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from vaquero.record import Sink

#: Decisions that are remembered for spans that end after their root.
_REMEMBERED = 4096


class TailSink:
    """A sink before another one: holds the spans of a trace until it is known what it is worth.

    Args:
        sink: Takes what is kept.
        share: Of the traces that are neither failed nor slow, from 0 to 1.
        slow_ms: A root that lasts longer is slow, in milliseconds.
        max_spans: How many spans may wait, over all traces.
    """

    def __init__(
        self, sink: Sink, *, share: float, slow_ms: float = 1000.0, max_spans: int = 10_000
    ) -> None:
        self._sink = sink
        self._bound = thresholds.threshold(share)
        self._slow_ns = int(slow_ms * 1_000_000)
        self._max_spans = max_spans
        self._reset()
        _process.after_fork_in_child(self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[int, list[Any]] = OrderedDict()
        self._spans = 0
        self._decided: OrderedDict[int, bool] = OrderedDict()

    def put(self, span: SpanRecord | ReadableSpan, /) -> None:
        """Take a finished span; it is handed on, kept waiting, or left out."""
        trace_no, is_root = _place(span)
        ready: list[Any] = []
        with self._lock:
            known = self._decided.get(trace_no)
            if known is None:
                self._waiting.setdefault(trace_no, []).append(span)
                self._spans += 1
                if is_root:
                    ready = self._decide(trace_no, _lasted_ns(span) >= self._slow_ns)
                elif self._spans > self._max_spans:
                    ready = self._decide(next(iter(self._waiting)), slow=False)
            elif known:
                ready = [span]
        for kept in ready:
            self._sink.put(kept)

    def flush(self) -> None:
        """Decide everything that waits now, as at an exit: nothing is lost for want of a root."""
        with self._lock:
            ready = [
                span for trace_no in list(self._waiting) for span in self._decide(trace_no, False)
            ]
        for span in ready:
            self._sink.put(span)

    def _decide(self, trace_no: int, slow: bool) -> list[Any]:
        spans = self._waiting.pop(trace_no)
        self._spans -= len(spans)
        worth = slow or any(_failed(span) for span in spans)
        keep = worth or thresholds.keeps(self._bound, trace_no)
        self._decided[trace_no] = keep
        while len(self._decided) > _REMEMBERED:
            self._decided.popitem(last=False)
        if not keep:
            return []
        if not worth:
            for span in spans:
                if isinstance(span, SpanRecord):
                    span.state = thresholds.with_threshold(span.state, self._bound)
        return spans


class TailHolder(SpanProcessor):
    """What vaquero's provider takes as a processor: it only holds the sink."""

    def __init__(self, sink: TailSink) -> None:
        #: Where finished spans go.
        self.sink = sink

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Nothing happens at the start of a span."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a finished span of another provider."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.sink.put(span)

    def shutdown(self) -> None:
        """Decide what waits."""
        self.sink.flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Decide what waits; the pipeline behind is flushed by whoever owns it."""
        self.sink.flush()
        return True


def _place(span: Any) -> tuple[int, bool]:
    if isinstance(span, SpanRecord):
        return span.trace_no, span.parent_no == 0 or bool(span.parent_remote)
    parent = span.parent
    return span.context.trace_id, parent is None or parent.is_remote


def _lasted_ns(span: Any) -> int:
    if isinstance(span, SpanRecord):
        return span.end_ns - span.start_ns
    return (span.end_time or 0) - (span.start_time or 0)


def _failed(span: Any) -> bool:
    if isinstance(span, SpanRecord):
        return span.extra is not None and span.extra.status_no == STATUS_ERROR
    return span.status.status_code.value == STATUS_ERROR
