"""Which sampling decisions are known without calling the sampler.

The SDK's own static, ratio and parent-based samplers decide by the trace id and the parent alone.
For these exact classes the decision is written down as bounds, one for each kind of parent, and
starting a span compares two integers. Subclasses and every other sampler are called as always.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import Decision

#: The bits of a trace id that the ratio sampler looks at.
LOW_BITS = (1 << 64) - 1
#: A bound that every trace id is under: sample all.
ALL = 1 << 64

_STATIC = frozenset(
    kind
    for kind in (getattr(sampling, name, None) for name in ("StaticSampler", "_AlwaysOn"))
    if kind is not None
) | {sampling._AlwaysOff}
_PARENT_BASED = frozenset(
    {
        sampling.ParentBased,
        sampling.ParentBasedTraceIdRatio,
        sampling._ParentBasedAlwaysOn,
        sampling._ParentBasedAlwaysOff,
    }
)


class TraceIdBounds(NamedTuple):
    """For each kind of parent: a trace is sampled when its low 64 bits are under this bound."""

    root: int
    remote_sampled: int
    remote_dropped: int
    local_sampled: int
    local_dropped: int


def read_bounds(sampler: Any) -> TraceIdBounds | None:
    """The sampler's decisions as bounds; None where it must be called."""
    bound = _bound(sampler)
    if bound is not None:
        return TraceIdBounds(bound, bound, bound, bound, bound)
    if type(sampler) not in _PARENT_BASED or _is_altered(sampler):
        return None
    bounds = [
        _bound(getattr(sampler, name, None))
        for name in (
            "_root",
            "_remote_parent_sampled",
            "_remote_parent_not_sampled",
            "_local_parent_sampled",
            "_local_parent_not_sampled",
        )
    ]
    if any(bound is None for bound in bounds):
        return None
    return TraceIdBounds._make(bound for bound in bounds if bound is not None)


def _bound(sampler: Any) -> int | None:
    if _is_altered(sampler):
        return None
    if type(sampler) in _STATIC:
        decision = getattr(sampler, "_decision", None)
        if decision is Decision.RECORD_AND_SAMPLE:
            return ALL
        return 0 if decision is Decision.DROP else None
    if type(sampler) is sampling.TraceIdRatioBased:
        return min(sampler.bound, ALL)
    return None


def _is_altered(sampler: object) -> bool:
    """Whether somebody replaced the method, on the object or on the SDK's class."""
    if "should_sample" in getattr(sampler, "__dict__", ()):
        return True
    method = getattr(type(sampler), "should_sample", None)
    return getattr(method, "__module__", None) != sampling.__name__
