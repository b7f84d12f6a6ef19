"""Receiving spans with all that they hold, and making two runs comparable."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp_receiver import OtlpReceiver
from tests.support.received import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}

#: Their values differ from run to run; that they are there does not.
VOLATILE = frozenset(
    {
        "client.port",
        "network.peer.port",
        "net.peer.port",
        "exception.stacktrace",
        "thread.id",
        "thread.name",
        "messaging.message.id",
        "messaging.conversation_id",
        "celery.hostname",
        "celery.reply_to",
        "celery.delivery_info",
    }
)


@dataclass(frozen=True)
class Received:
    """One span as it came over OTLP."""

    trace_id: str
    span_id: bytes
    parent_id: bytes
    name: str
    kind: str
    scope: str
    status: tuple[int, str]
    attributes: Mapping[str, Any] = field(hash=False)
    events: tuple[tuple[str, Mapping[str, Any]], ...] = field(hash=False)
    resource: Mapping[str, Any] = field(hash=False)


class Sink(OtlpReceiver):
    """A receiver that gives spans whole, by trace."""

    @property
    def received(self) -> list[Received]:
        """All spans."""
        return [span for message in self.messages("traces") for span in _spans(message)]

    def trace(self, trace_id: str) -> list[Received]:
        """All spans of a trace."""
        return [span for span in self.received if span.trace_id == trace_id]


def _spans(request: ExportTraceServiceRequest) -> Iterator[Received]:
    for part in request.resource_spans:
        resource = attributes(part.resource)
        for scope in part.scope_spans:
            for span in scope.spans:
                yield Received(
                    span.trace_id.hex(),
                    span.span_id,
                    span.parent_span_id,
                    span.name,
                    KINDS[span.kind],
                    scope.scope.name.removeprefix("opentelemetry.instrumentation."),
                    (span.status.code, span.status.message),
                    attributes(span),
                    tuple((event.name, attributes(event)) for event in span.events),
                    resource,
                )


def comparable(
    spans: Iterable[Received], replaced: Mapping[str, str], *, ancestors: bool = True
) -> Counter[str]:
    """What a trace says, without ids and times: each span with the names above it, and how often.

    Args:
        spans: The spans of one trace.
        replaced: Texts that differ from run to run, such as ports, and what stands for them.
        ancestors: Whether the names above belong to it.
    """
    spans = list(spans)
    by_id = {span.span_id: span for span in spans}
    return Counter(
        "\n  ".join(
            [
                " < ".join(_line(span, by_id) if ancestors else [_named(span)]),
                f"status {span.status}",
                *_facts(span.attributes, replaced),
                *(
                    f"event {name} {'; '.join(_facts(attributes, replaced))}"
                    for name, attributes in span.events
                ),
            ]
        )
        for span in spans
    )


def _line(span: Received, by_id: Mapping[bytes, Received]) -> Iterator[str]:
    yield _named(span)
    above = by_id.get(span.parent_id)
    if above is not None:
        yield from _line(above, by_id)
    else:
        yield "remote" if span.parent_id else "nothing"


#: Statements lose their literals under vaquero, and an attribute says so: a difference that
#: docs/instrumentations.md lists.
STATEMENTS = frozenset({"db.query.text", "db.statement"})
_LITERAL = re.compile(r"(?<![\w$:(])\d+\b|'[^']*'")


def _named(span: Received) -> str:
    return f"{span.name} ({span.kind}, {span.scope})"


def _facts(attributes: Mapping[str, Any], replaced: Mapping[str, str]) -> list[str]:
    facts: list[str] = []
    for key in sorted(attributes):
        if key == "vaquero.redacted" and STATEMENTS.issuperset(attributes[key]):
            continue
        value = "*" if key in VOLATILE else repr(attributes[key])
        if key in STATEMENTS:
            value = _LITERAL.sub("?", str(attributes[key]))
        for text, stand_in in replaced.items():
            value = value.replace(text, stand_in)
        facts.append(f"{key}={value}")
    return facts
