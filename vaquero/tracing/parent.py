"""What a new span has from its parent: trace, flags, state, and how it is sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import SpanContext

from vaquero.tracing.ids import RANDOM_BIT, bits, new_trace_no

if TYPE_CHECKING:
    from opentelemetry.trace import TraceState

    from vaquero.tracing.readable import SpanView
    from vaquero.tracing.sampling.shortcut import TraceIdBounds

#: Trace id, parent's span id (0: none), whether the parent is remote (None: no parent), flags of a
#: sampled child, trace state, bound for sampling, and the parent's context where it cannot be
#: derived from the others.
Lineage: TypeAlias = "tuple[int, int, bool | None, int, TraceState | None, int, SpanContext | None]"

_ROOT_FLAGS = 1 | RANDOM_BIT


def of_root(bounds: TraceIdBounds) -> Lineage:
    """The lineage of a span that begins a trace."""
    trace_no = bits(128) or new_trace_no()
    return trace_no, 0, None, _ROOT_FLAGS, None, bounds.root, None


def under_ours(parent: SpanView, bounds: TraceIdBounds) -> Lineage:
    """The lineage of a child of a recording span of vaquero."""
    above = parent.flag_bits
    flags = 1 | above & RANDOM_BIT
    return (
        parent.trace_no,
        parent.span_no,
        False,
        flags,
        parent.state,
        bounds.local_sampled if above & 1 else bounds.local_dropped,
        None if above == flags else parent.get_span_context(),
    )


def under_other(parent: Any, bounds: TraceIdBounds) -> Lineage:
    """The lineage under any other span: of another process, of the SDK, or not sampled."""
    context = context_of(parent)
    if context is None:
        return of_root(bounds)
    trace_no, parent_no, remote, above, state, _ = context
    sampled = above & 1
    if remote:
        bound = bounds.remote_sampled if sampled else bounds.remote_dropped
    else:
        bound = bounds.local_sampled if sampled else bounds.local_dropped
    flags = 1 | above & RANDOM_BIT
    return trace_no, parent_no, remote, flags, state or None, bound, context


def context_of(parent: object) -> SpanContext | None:
    """The context of the parent where there is a valid one."""
    if not isinstance(parent, ApiSpan):
        return None
    context: Any = parent.get_span_context()
    return context if isinstance(context, SpanContext) and context.is_valid else None
