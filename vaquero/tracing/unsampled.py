"""What a start gives where nothing is recorded: ids for those who ask, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from vaquero.compat.span import CompatSpan
from vaquero.tracing.ids import new_span_no
from vaquero.tracing.readable import FLAGS

if TYPE_CHECKING:
    from opentelemetry.trace import TraceState

_new = object.__new__


class NonRecordingCompatSpan(CompatSpan, NonRecordingSpan):
    """A span that keeps nothing but a context, with the methods of vaquero-sdk's span."""


class UnsampledSpan(NonRecordingCompatSpan):
    """A span that the sampler dropped. Its context is built, and its id drawn, when asked for."""

    __slots__ = ("_ctx", "flag_bits", "state", "trace_no")

    trace_no: int
    flag_bits: int
    state: TraceState | None
    _ctx: SpanContext | None

    def get_span_context(self) -> SpanContext:
        """The ids and flags of this span, as they are propagated."""
        context = self._ctx
        if context is None:
            context = SpanContext(self.trace_no, new_span_no(), False, self.flags, self.state)
            # Made before the check, so that two threads that ask at once see one id.
            if self._ctx is None:
                self._ctx = context
            return self._ctx or context
        return context

    @property
    def flags(self) -> TraceFlags:
        """The W3C trace flags."""
        return FLAGS[self.flag_bits & 255]

    @property
    def _context(self) -> SpanContext:
        return self.get_span_context()


def unsampled_span(trace_no: int, flag_bits: int, state: TraceState | None) -> UnsampledSpan:
    """A span that the sampler dropped."""
    span = _new(UnsampledSpan)
    span.trace_no = trace_no
    span.flag_bits = flag_bits
    span.state = state
    span._ctx = None
    return span
