"""From the spans of traces to the statements that one request repeats, and why it does.

``docs/reference/n-plus-one.md`` is the contract: the rule, its thresholds, a table of cases.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Literal, TypeAlias

from vaquero_conditions.sql import fingerprint_of, is_control, is_paged, normalized

Verdict: TypeAlias = Literal["n_plus_one", "repeated", "parallel", "paged", "retried", "batch"]
Certainty: TypeAlias = Literal["certain", "likely"]

#: Where several verdicts meet in one group over its traces, the first of these stands.
VERDICTS: tuple[Verdict, ...] = ("n_plus_one", "repeated", "batch", "paged", "retried", "parallel")


@dataclass(frozen=True)
class QuerySpan:
    """What the rule needs of a span. Ids are any values that compare; times are nanoseconds.

    Attributes:
        trace_id: Of its trace.
        span_id: Its own.
        parent_id: Of the span above; None for a root.
        name: Its name.
        start_ns: When it began.
        end_ns: When it ended.
        kind: ``server``, ``client``, ``producer``, ``consumer`` or ``internal``.
        service: ``service.name`` of its resource.
        error: Whether its status is ERROR.
        db_system: ``db.system.name``; empty or None where it is no call of a database.
        statement: The statement, before or after redaction, or its normal form.
        fingerprint: Of the statement; None where it is to be made from it.
        parameters: What was bound to it, as text or a hash of that; None where it is not known.
    """

    trace_id: object
    span_id: object
    parent_id: object | None
    name: str
    start_ns: int
    end_ns: int
    kind: str = "internal"
    service: str = ""
    error: bool = False
    db_system: str | None = None
    statement: str | None = None
    fingerprint: str | None = None
    parameters: str | None = None


@dataclass(frozen=True)
class Thresholds:
    """From when on a repeated statement is worth a word.

    Attributes:
        min_calls: So many calls under one parent.
        max_overlap: The share of the calls' time in which two run at once; below it they are one
            after the other.
        min_share: The share of the parent's duration that the calls take...
        min_total_ms: ...or their time together; one of the two is enough.
        jobs_are_requests: Whether roots of the kinds consumer and internal are judged as requests.
    """

    min_calls: int = 5
    max_overlap: float = 0.1
    min_share: float = 0.05
    min_total_ms: float = 20.0
    jobs_are_requests: bool = False


@dataclass(frozen=True)
class QueryGroup:
    """One statement that is repeated under the parents of one name in one operation.

    Attributes:
        verdict: Why it is repeated; ``n_plus_one`` and ``repeated`` are worth a finding.
        certainty: Of these two; None of the others.
        service: Of the entry span.
        operation: The name of the entry span of the trace.
        parent: The name of the span under which the calls are.
        fingerprint: Of the statement.
        statement: In normal form.
        db_system: ``db.system.name`` of the spans.
        counts: Calls per parent, ascending, of every parent that made at least one.
        requests: Traces with at least one of these calls.
        mean_ms: Of one call, of the parents that repeat it for this reason.
        cost_ms: Of the calls of one parent together, on average over these parents.
        share: The part of the parents' time that the calls take; None where no parent is known.
        traces: Ids of traces that show it, the most calls first, ten at most.
    """

    verdict: Verdict
    certainty: Certainty | None
    service: str
    operation: str
    parent: str
    fingerprint: str
    statement: str
    db_system: str
    counts: tuple[int, ...]
    requests: int
    mean_ms: float
    cost_ms: float
    share: float | None
    traces: tuple[object, ...]


def find_n_plus_one(
    spans: Iterable[QuerySpan], thresholds: Thresholds | None = None
) -> list[QueryGroup]:
    """The groups of :func:`judge_queries` that are N+1."""
    return [group for group in judge_queries(spans, thresholds) if group.verdict == "n_plus_one"]


def judge_queries(
    spans: Iterable[QuerySpan], thresholds: Thresholds | None = None
) -> list[QueryGroup]:
    """Every statement that is repeated, with the reason; the most costly first.

    Args:
        spans: Of one or many traces, in any order. A trace should be whole: calls whose parent is
            missing are judged by their time alone.
        thresholds: From when on; those of the documents where None.
    """
    limits = thresholds or Thresholds()
    groups: dict[tuple[str, str, str, str], list[_Calls]] = defaultdict(list)
    for calls in _calls(spans):
        groups[calls.service, calls.operation, calls.parent_name, calls.fingerprint].append(calls)
    found = [group for calls in groups.values() if (group := _judged(calls, limits))]
    return sorted(found, key=lambda group: (-group.cost_ms, group.operation, group.fingerprint))


def without_text(spans: Iterable[QuerySpan]) -> int:
    """How many calls of databases cannot be judged, as they have no statement."""
    texts = _Texts()
    return sum(
        1
        for by_id in _traces(spans).values()
        for span in by_id.values()
        if not texts.of(span)[0] and _is_query(span, by_id, texts)
    )


def count_queries(spans: Iterable[QuerySpan]) -> int:
    """How many queries these spans of one trace made, as ``queries(...)`` counts them.

    Spans of databases; without those under another one, which are the same call seen twice, and
    without those that only hold a transaction or a connection together.
    """
    all_spans = list(spans)
    by_id = {span.span_id: span for span in all_spans}
    texts = _Texts()
    return sum(1 for span in all_spans if _is_query(span, by_id, texts))


def _is_query(span: QuerySpan, by_id: dict[object, QuerySpan], texts: _Texts) -> bool:
    if not span.db_system:
        return False
    parent = by_id.get(span.parent_id)
    if parent is not None and parent.db_system:
        return False
    normal = texts.of(span)[1]
    return not is_control(normal or span.name.lower())


class _Texts:
    """Fingerprint and normal form of statements; each text is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, str]] = {}

    def of(self, span: QuerySpan) -> tuple[str, str]:
        """(fingerprint, normal form); both empty where there is no text."""
        text, system = span.statement or "", span.db_system or ""
        known = self._known.get((text, system))
        if known is None:
            normal = normalized(text, system)
            known = fingerprint_of(normal), normal
            self._known[text, system] = known
        return span.fingerprint or known[0], known[1]


@dataclass
class _Calls:
    """The calls of one statement under one parent."""

    service: str
    operation: str
    is_job: bool
    parent_name: str
    parent_ns: int | None
    fingerprint: str
    normal: str
    spans: list[QuerySpan] = field(default_factory=list[QuerySpan])

    @property
    def total_ns(self) -> int:
        return sum(max(0, span.end_ns - span.start_ns) for span in self.spans)


def _traces(spans: Iterable[QuerySpan]) -> dict[object, dict[object, QuerySpan]]:
    traces: dict[object, dict[object, QuerySpan]] = defaultdict(dict)
    for span in spans:
        traces[span.trace_id][span.span_id] = span
    return traces


def _calls(spans: Iterable[QuerySpan]) -> list[_Calls]:
    texts = _Texts()
    found: list[_Calls] = []
    for by_id in _traces(spans).values():
        entries = _Entries(by_id)
        groups: dict[tuple[object, str], _Calls] = {}
        for span in by_id.values():
            mark, normal = texts.of(span)
            if not mark or not _is_query(span, by_id, texts):
                continue
            calls = groups.get((span.parent_id, mark))
            if calls is None:
                calls = entries.calls(span, mark, normal)
                groups[span.parent_id, mark] = calls
                found.append(calls)
            calls.spans.append(span)
    return found


class _Entries:
    """Where the spans of one trace came in."""

    def __init__(self, by_id: dict[object, QuerySpan]) -> None:
        self._by_id = by_id
        self._known: dict[object, QuerySpan] = {}

    def calls(self, span: QuerySpan, mark: str, normal: str) -> _Calls:
        entry = self._entry(span)
        parent = self._by_id.get(span.parent_id)
        # A root that calls the database itself is no parent of its calls.
        known = parent if parent is not None else (entry if entry is not span else None)
        return _Calls(
            service=entry.service,
            operation=entry.name,
            is_job=entry.kind != "server" and not _is_remote_part(entry),
            parent_name=known.name if known else "",
            parent_ns=max(0, parent.end_ns - parent.start_ns) if parent else None,
            fingerprint=mark,
            normal=normal,
        )

    def _entry(self, span: QuerySpan) -> QuerySpan:
        """The nearest server or consumer above, or the root; the topmost known one otherwise."""
        path: list[QuerySpan] = []
        here = span
        seen: set[object] = set()
        while here.span_id not in self._known and here.span_id not in seen:
            seen.add(here.span_id)
            path.append(here)
            above = self._by_id.get(here.parent_id)
            if here.kind in ("server", "consumer") or above is None:
                break
            here = above
        entry = self._known.get(here.span_id, here)
        for one in path:
            self._known[one.span_id] = entry
        return entry


def _is_remote_part(entry: QuerySpan) -> bool:
    """Whether the real entry is not among the spans: nothing says that this is a job."""
    return entry.parent_id is not None and entry.kind != "consumer"


def _judged(calls: list[_Calls], limits: Thresholds) -> QueryGroup | None:
    verdicts = {id(one): _verdict(one, limits) for one in calls}
    verdict: Verdict | None = next((name for name in VERDICTS if name in verdicts.values()), None)
    if verdict is None:
        return None
    shown = sorted(
        (one for one in calls if verdicts[id(one)] == verdict), key=lambda one: -len(one.spans)
    )
    counts = tuple(sorted(len(one.spans) for one in calls))
    total = sum(one.total_ns for one in shown)
    parents = [one.parent_ns for one in shown if one.parent_ns]
    certainty: Certainty | None = None
    if verdict == "n_plus_one":
        certainty = "certain" if counts[0] != counts[-1] else "likely"
    elif verdict == "repeated":
        certainty = "certain"
    first = shown[0]
    return QueryGroup(
        verdict=verdict,
        certainty=certainty,
        service=first.service,
        operation=first.operation,
        parent=first.parent_name,
        fingerprint=first.fingerprint,
        statement=first.normal,
        db_system=first.spans[0].db_system or "",
        counts=counts,
        requests=len({one.spans[0].trace_id for one in calls}),
        mean_ms=total / sum(len(one.spans) for one in shown) / 1e6,
        cost_ms=total / len(shown) / 1e6,
        share=min(1.0, total / sum(parents)) if parents else None,
        traces=tuple(dict.fromkeys(one.spans[0].trace_id for one in shown))[:10],
    )


def _verdict(calls: _Calls, limits: Thresholds) -> Verdict | None:
    """Why these calls are repeated; None where they are too few or take too little time."""
    spans = calls.spans
    if len(spans) < limits.min_calls:
        return None
    total = calls.total_ns
    share = total / calls.parent_ns if calls.parent_ns else 0.0
    if share < limits.min_share and total < limits.min_total_ms * 1e6:
        return None
    if sum(span.error for span in spans) * 2 >= len(spans):
        return "retried"
    if _overlap(spans) >= limits.max_overlap:
        return "parallel"
    if calls.is_job and not limits.jobs_are_requests:
        return "batch"
    if is_paged(calls.normal) and _pages_move(spans):
        return "paged"
    return "repeated" if _is_same(calls) else "n_plus_one"


def _overlap(spans: Sequence[QuerySpan]) -> float:
    """The share of the calls' own time that another call covers too."""
    total = covered = 0
    until: int | None = None
    for span in sorted(spans, key=lambda span: span.start_ns):
        end = max(span.start_ns, span.end_ns)
        total += end - span.start_ns
        covered += end - span.start_ns
        if until is not None and span.start_ns < until:
            covered -= min(end, until) - span.start_ns
        until = end if until is None else max(until, end)
    # In this order, so that exactly a tenth is a tenth.
    return (total - covered) / total if total else 0.0


def _is_same(calls: _Calls) -> bool:
    """Whether the calls ask the same again, so that the first answer would do."""
    if "?" not in calls.normal and calls.normal:
        return True
    known = [span.parameters for span in calls.spans if span.parameters is not None]
    return len(known) == len(calls.spans) and len(set(known)) * 2 <= len(known)


_OFFSET = re.compile(r"(?i)\boffset\s{1,8}(\d{1,20})")
_NUMBERS = re.compile(r"\d{1,20}")


def _pages_move(spans: Sequence[QuerySpan]) -> bool:
    """Whether each call asks for another page; True where nothing says that it is the same one."""
    offsets: set[str] = set()
    for span in spans:
        literal = _OFFSET.search(span.statement or "")
        if literal is not None:
            offsets.add(literal[1])
            continue
        numbers = _NUMBERS.findall(span.parameters or "")
        if not numbers or not (span.parameters or "").rstrip(" )],}").endswith(numbers[-1]):
            return True
        offsets.add(numbers[-1])
    return len(offsets) > 1


def typical(counts: Sequence[int]) -> int:
    """The median of the calls per parent, which is one of them."""
    return median_low(counts)
