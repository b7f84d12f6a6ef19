"""Samplers for services: so many traces a second, and rules by route, name or attribute.

Both decide by the trace id alone once the share is known, so that processes with the same share
decide alike, and both say the share in the trace state (``ot=th:``), so that backends can scale.
"""

from __future__ import annotations

import fnmatch
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult

from vaquero import _log
from vaquero.errors import SettingsError
from vaquero.tracing.sampling import thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind
    from opentelemetry.trace.span import TraceState

_VARIABLE = "OTEL_TRACES_SAMPLER_ARG"

#: Requests that probes make; they are left out unless a rule asks for them.
HEALTH_CHECKS = ("/health", "/healthz", "/livez", "/readyz", "/ping", "/-/healthy", "/-/ready")

_ROUTES = ("http.route", "url.path", "http.target")


class ByShare(Sampler):
    """Keeps a share of the traces, decided by their ids, and writes it to the trace state.

    Args:
        share: From 0 to 1.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._bound = thresholds.threshold(share)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide for one trace."""
        return decide(self._bound, trace_id, parent_context, attributes)

    def get_description(self) -> str:
        """The sampler's name and share."""
        return f"vaquero.ByShare{{{self._share}}}"


class RateLimited(Sampler):
    """Keeps about so many traces a second, however many there are.

    The share follows the rate of traces of the last half second or so, corrected by what was kept
    too much or too little before, so that the long run is right.

    Args:
        per_second: Traces a second.
        clock: Monotonic seconds.
    """

    #: How often the share is settled again, and over what time mistakes are made good.
    _STEP_S = 0.05
    _MEMORY_S = 0.5

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._begun_s = self._settled_s = clock()
        self._seen = 0
        self._kept = 0
        self._rate: float | None = None
        self._debt = 0.0
        self._bound = 0 if per_second > 0 else thresholds.RANGE

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide for one trace."""
        with self._lock:
            now_s = self._clock()
            # At the start a burst must not all be kept before the first look at the rate.
            early = self._rate is None and self._seen >= max(1.0, self._per_second * self._STEP_S)
            if early or now_s - self._settled_s >= self._STEP_S:
                self._settle(now_s)
            self._seen += 1
            result = decide(self._bound, trace_id, parent_context, attributes)
            if result.decision is not Decision.DROP:
                self._kept += 1
        return result

    def _settle(self, now_s: float) -> None:
        passed_s = max(now_s - self._settled_s, 1e-6)
        rate = self._seen / passed_s
        weight = min(1.0, passed_s / self._MEMORY_S)
        self._rate = rate if self._rate is None else self._rate + (rate - self._rate) * weight
        if passed_s > self._MEMORY_S:
            self._debt = 0.0  # After a pause nothing is caught up with.
        else:
            self._debt += self._per_second * passed_s - self._kept
        bound = self._per_second * self._MEMORY_S
        self._debt = min(bound, max(-bound, self._debt))
        wanted = self._per_second + self._debt / self._MEMORY_S
        if self._rate > 0:
            self._bound = thresholds.threshold(max(0.0, wanted) / self._rate)
        self._settled_s, self._seen, self._kept = now_s, 0, 0

    def get_description(self) -> str:
        """The sampler's name and rate."""
        return f"vaquero.RateLimited{{{self._per_second}/s}}"


@dataclass(frozen=True)
class SamplingRule:
    """What to do with traces whose first span looks like this.

    Attributes:
        key: ``name``, ``route``, or the name of an attribute.
        pattern: With ``*`` and ``?`` as in a shell.
        sampler: Decides for those that fit.
    """

    key: str
    pattern: str
    sampler: Sampler

    def fits(self, name: str, attributes: Mapping[str, Any]) -> bool:
        """Whether a span that is about to start is meant."""
        if self.key == "name":
            return fnmatch.fnmatchcase(str(name), self.pattern)
        keys = _ROUTES if self.key == "route" else (self.key,)
        found = next((attributes[key] for key in keys if key in attributes), None)
        if found is None:
            return False
        text = str(found)
        return fnmatch.fnmatchcase(
            text.partition("?")[0] if self.key == "route" else text, self.pattern
        )


class ByRules(Sampler):
    """Asks the first rule that fits; where none does, keeps all but health checks.

    Args:
        rules: In the order in which they are tried.
    """

    def __init__(self, rules: Sequence[SamplingRule]) -> None:
        own = ByShare(0.0)
        self._rules = (*rules, *(SamplingRule("route", route, own) for route in HEALTH_CHECKS))
        self._else = ByShare(1.0)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide for one trace."""
        known = attributes or {}
        chosen = next((rule.sampler for rule in self._rules if rule.fits(name, known)), self._else)
        return chosen.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """The sampler's name and rules."""
        rules = ";".join(f"{rule.key}:{rule.pattern}" for rule in self._rules)
        return f"vaquero.ByRules{{{rules}}}"


def decide(
    bound: int, trace_id: int, context: Context | None, attributes: Mapping[str, Any] | None
) -> SamplingResult:
    """A decision by threshold, with the trace state that holds it."""
    state = trace_api.get_current_span(context).get_span_context().trace_state
    if bound >= thresholds.RANGE or not thresholds.keeps(bound, trace_id, state):
        return SamplingResult(Decision.DROP, None, state)
    return SamplingResult(
        Decision.RECORD_AND_SAMPLE,
        dict(attributes) if attributes else None,
        thresholds.with_threshold(state, bound),
    )


def ratelimited(argument: str) -> Sampler:
    """``OTEL_TRACES_SAMPLER=vaquero_ratelimited``: the argument is traces a second, e.g. ``10``.

    Children follow their parent, local or remote.

    Raises:
        SettingsError: If the argument is no number above 0.
    """
    return ParentBased(RateLimited(_rate(argument)))


def rules(argument: str) -> Sampler:
    """``OTEL_TRACES_SAMPLER=vaquero_rules``: the argument is rules, the first that fits holds.

    ``route:/pay*=1; name:cleanup*=0.01; http.request.method:OPTIONS=0; *=20/s``: what to look at
    (``name`` by default), a pattern, and a share from 0 to 1 or a rate. Health checks are left out
    unless a rule before asks for them. Children follow their parent.

    Raises:
        SettingsError: If a rule cannot be read.
    """
    found: list[SamplingRule] = []
    for text in filter(None, (part.strip() for part in (argument or "").split(";"))):
        target, sign, value = text.rpartition("=")
        if not sign or not target.strip():
            raise SettingsError(
                _VARIABLE,
                text[:80],
                source="environment",
                expected="a rule such as route:/pay*=0.5",
            )
        key, _, pattern = target.strip().rpartition(":")
        found.append(SamplingRule(key or "name", pattern, _sampler_of(value.strip())))
    if not found:
        _log.info("vaquero_rules has no rules: all but health checks are kept.")
    return ParentBased(ByRules(found))


def _sampler_of(value: str) -> Sampler:
    if value.endswith("/s"):
        return RateLimited(_rate(value[:-2]))
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise SettingsError(
            _VARIABLE,
            value[:80],
            source="environment",
            expected="a share from 0 to 1, or a rate such as 20/s",
        )
    return ByShare(share)


def _rate(text: str) -> float:
    if not re.fullmatch(r"\s*\d+(\.\d*)?\s*", text or "") or float(text) <= 0:
        raise SettingsError(
            _VARIABLE,
            str(text)[:80],
            source="environment",
            expected="traces a second as a number above 0, e.g. 10",
        )
    return float(text)
