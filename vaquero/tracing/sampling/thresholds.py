"""Consistent probability sampling: the arithmetic of OpenTelemetry's ``ot=th:`` trace state.

A trace is kept where its 56 bits of randomness are not below a threshold. Everybody who decides by
the same threshold decides alike, and a backend that reads the threshold knows how many traces the
kept one stands for: ``2**56 / (2**56 - threshold)``.

Source: OpenTelemetry specification, "TraceState: Probability Sampling".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace.span import TraceState

if TYPE_CHECKING:
    from collections.abc import Mapping

RANGE = 1 << 56
_MASK = RANGE - 1
_KEY = "ot"
_DIGITS = 14


def threshold(share: float) -> int:
    """The threshold that keeps this share of all traces.

    Args:
        share: From 0 to 1; outside of that the nearer end.

    Returns:
        From 0 (all) to ``RANGE`` (none).
    """
    return RANGE - round(min(1.0, max(0.0, share)) * RANGE)


def keeps(bound: int, trace_no: int, state: TraceState | None = None) -> bool:
    """Whether a trace is kept by this threshold."""
    return randomness(trace_no, state) >= bound


def randomness(trace_no: int, state: TraceState | None = None) -> int:
    """The 56 bits of a trace: ``rv`` of the trace state, else the end of its id."""
    value = _parts(state).get("rv", "")
    if len(value) == _DIGITS:
        try:
            return int(value, 16)
        except ValueError:
            pass
    return trace_no & _MASK


def with_threshold(state: TraceState | None, bound: int) -> TraceState:
    """The trace state that says by which threshold the trace was kept; other entries stay."""
    parts = {**_parts(state), "th": _hex(bound)}
    value = ";".join(f"{name}:{text}" for name, text in parts.items())
    if state is None:
        return TraceState([(_KEY, value)])
    return state.update(_KEY, value) if _KEY in state else state.add(_KEY, value)


def _hex(bound: int) -> str:
    return f"{min(bound, _MASK):014x}".rstrip("0") or "0"


def _parts(state: TraceState | None) -> Mapping[str, str]:
    text = state.get(_KEY, "") if state else ""
    pairs = (part.partition(":") for part in (text or "").split(";"))
    return {name: value for name, sign, value in pairs if sign}
