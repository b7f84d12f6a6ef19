"""Spans as an indented tree, for the person who reads a failed test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_MAX_VALUE = 60


def render(spans: Sequence[ReadableSpan]) -> str:
    """The spans as text: name, duration, status, attributes; children below their parents."""
    if not spans:
        return "(no spans)"
    known = {span.context.span_id for span in spans if span.context is not None}
    children: dict[int, list[ReadableSpan]] = {}
    roots: list[ReadableSpan] = []
    for span in sorted(spans, key=lambda span: span.start_time or 0):
        if span.parent is not None and span.parent.span_id in known:
            children.setdefault(span.parent.span_id, []).append(span)
        else:
            roots.append(span)
    lines = [line for root in roots for line in _lines(root, children, 0)]
    return "\n".join(lines)


def _lines(
    span: ReadableSpan, children: dict[int, list[ReadableSpan]], depth: int
) -> Iterator[str]:
    indent = "  " * depth
    lasted_ms = ((span.end_time or 0) - (span.start_time or 0)) / 1e6
    status = span.status.status_code.name
    mark = f" {status}" if status != "UNSET" else ""
    text = f" ({span.status.description})" if span.status.description else ""
    yield f"{indent}{span.name}  {lasted_ms:.2f} ms{mark}{text}"
    for key, value in (span.attributes or {}).items():
        yield f"{indent}    {key} = {_brief(value)}"
    for event in span.events:
        yield f"{indent}    * {event.name} {_brief(dict(event.attributes or {}))}"
    identity = span.context.span_id if span.context is not None else 0
    for child in children.get(identity, ()):
        yield from _lines(child, children, depth + 1)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"
