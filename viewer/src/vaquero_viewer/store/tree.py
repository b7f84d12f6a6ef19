"""The spans of one trace as a tree, however broken the links between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vaquero_viewer.store.logs import trace_logs
from vaquero_viewer.store.model import SPAN_KINDS, STATUSES, Trace, TraceSpan
from vaquero_viewer.store.reading import (
    STORE,
    Reader,
    json_list,
    json_object,
    ms,
    span_hex,
    word,
)


class RawSpan(NamedTuple):
    """One row of the query for a trace."""

    span_id: int
    parent_span_id: int | None
    service: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    duration_ns: int
    status_code: int
    status_message: str | None
    attributes: str | None
    events: str | None
    links: str | None
    resource_id: int
    trace_state: str | None
    flags: int
    dropped_attributes: int
    dropped_events: int
    dropped_links: int
    scope: str | None


def build_trace(reader: Reader, trace_id: str, spans: Sequence[RawSpan], limit: int) -> Trace:
    """Put the spans of one trace, in the order of their start, into a tree.

    Args:
        reader: For logs and resources of the trace.
        trace_id: 32 hexadecimal digits.
        spans: At least one.
        limit: Spans to return; the first ones in the order of the tree.
    """
    start_ns = min(span.start_ns for span in spans)
    end_ns = max(span.start_ns + span.duration_ns for span in spans)
    known = {span.span_id for span in spans}
    children = _children(spans, known)
    placed = [
        _place(span, depth, start_ns, children, known)
        for span, depth in _in_order(spans, children, known)[:limit]
    ]
    return Trace(
        trace_id=trace_id,
        start_ns=start_ns,
        duration_ms=ms(end_ns - start_ns),
        span_count=len(spans),
        error_count=sum(span.status_code == 2 for span in spans),
        services=sorted({span.service for span in spans}),
        spans=placed,
        logs=trace_logs(reader, trace_id),
        resources=_resources(reader, {span.resource_id for span in spans}),
        truncated=len(spans) - len(placed),
    )


def _children(spans: Iterable[RawSpan], known: set[int]) -> Mapping[int, list[RawSpan]]:
    children: defaultdict[int, list[RawSpan]] = defaultdict(list)
    for span in spans:
        if span.parent_span_id in known and span.parent_span_id != span.span_id:
            children[span.parent_span_id].append(span)
    return children


def _in_order(
    spans: Sequence[RawSpan], children: Mapping[int, list[RawSpan]], known: set[int]
) -> list[tuple[RawSpan, int]]:
    """Each span once with its depth, parents before children; without recursion.

    Spans that are each other's ancestors hang under no root; the earliest of them serves as one.
    """
    placed: list[tuple[RawSpan, int]] = []
    seen: set[int] = set()
    roots = [span for span in spans if span.parent_span_id not in known]
    for root in [*roots, *spans]:
        waiting = [(root, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            placed.append((span, depth))
            waiting.extend((child, depth + 1) for child in reversed(children.get(span.span_id, ())))
    return placed


def _place(
    span: RawSpan,
    depth: int,
    trace_start_ns: int,
    children: Mapping[int, list[RawSpan]],
    known: set[int],
) -> TraceSpan:
    covered_ns = _covered_ns(span, children.get(span.span_id, ()))
    return TraceSpan(
        span_id=f"{span.span_id:016x}",
        parent_span_id=span_hex(span.parent_span_id),
        depth=depth,
        orphan=span.parent_span_id is not None and span.parent_span_id not in known,
        service=span.service,
        name=span.name,
        kind=word(SPAN_KINDS, span.kind),
        start_ns=span.start_ns,
        offset_ms=ms(span.start_ns - trace_start_ns),
        duration_ms=ms(span.duration_ns),
        self_ms=ms(span.duration_ns - covered_ns),
        status=word(STATUSES, span.status_code),
        status_message=span.status_message,
        attributes=json_object(span.attributes),
        events=json_list(span.events),
        links=json_list(span.links),
        scope=span.scope or "",
        resource_id=f"{span.resource_id:016x}",
        trace_state=span.trace_state or "",
        flags=span.flags,
        dropped_attributes=span.dropped_attributes,
        dropped_events=span.dropped_events,
        dropped_links=span.dropped_links,
    )


def _covered_ns(span: RawSpan, children: Iterable[RawSpan]) -> int:
    """Nanoseconds of a span during which at least one of its children ran."""
    covered, reached = 0, span.start_ns
    end = span.start_ns + span.duration_ns
    for child in children:
        # The children come in the order of their start.
        begin = max(child.start_ns, reached)
        finish = min(child.start_ns + child.duration_ns, end)
        if finish > begin:
            covered += finish - begin
            reached = finish
    return covered


def _resources(reader: Reader, ids: Iterable[int]) -> dict[str, dict[str, object]]:
    rows = reader.rows(
        f"SELECT resource_id, attributes FROM {STORE}.resources "
        "WHERE resource_id IN (SELECT unnest(?::UBIGINT[]))",
        [list(ids)],
    )
    return {f"{row[0]:016x}": json_object(row[1]) for row in rows}
