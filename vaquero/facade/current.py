"""The current span, in the shape that the facade hands out."""

from __future__ import annotations

from opentelemetry import trace as trace_api
from opentelemetry.trace import INVALID_SPAN

from vaquero.compat.span import CompatSpan
from vaquero.facade.span_handle import NOOP, SpanHandle


def get_current_span() -> CompatSpan:
    """The current span, whoever started it; without one, a falsy no-op span."""
    found = trace_api.get_current_span()
    if isinstance(found, CompatSpan):
        return found
    if found is INVALID_SPAN or not found.get_span_context().is_valid:
        return NOOP
    return SpanHandle(found)


def get_current_trace_id() -> str | None:
    """The current trace's id as 32 hexadecimal digits; None without a span."""
    found = get_current_span()
    return found.trace_id if found else None


def get_current_span_id() -> str | None:
    """The current span's id as 16 hexadecimal digits; None without a span."""
    found = get_current_span()
    return found.span_id if found else None
