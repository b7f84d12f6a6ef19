"""Arguments of every kind at every public method of a span: nothing is raised, all arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import StatusCode

import vaquero
from vaquero.pipeline.otlp.span_batches import SpanCodec
from vaquero.testing import capture

if TYPE_CHECKING:
    from collections.abc import Callable


class Raising:
    """Every question that Python asks of it fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __hash__(self) -> int:
        raise RuntimeError("hash")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__


class Text(str):
    """A text whose own methods fail."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("str")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        return 1


class Unreadable(dict[str, Any]):
    """A mapping that cannot be read."""

    def items(self) -> Any:
        raise RuntimeError("items")

    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        raise RuntimeError("len")


#: By functions: pytest asks what it is given for its class.
HOSTILE: dict[str, Callable[[], Any]] = {
    "raising": Raising,
    "text": lambda: Text("text"),
    "mapping": lambda: Unreadable(a=1),
    "large": lambda: 2**70,
    "negative": lambda: -1,
    "nan": lambda: float("nan"),
    "bytes": lambda: b"\xff",
    "list": lambda: [1],
}

USES: list[Callable[[Any, Any], object]] = [
    lambda span, value: span.set_attribute(value, 1),
    lambda span, value: span.set_attributes(value),
    lambda span, value: span.add_event(value),
    lambda span, value: span.add_event("event", value),
    lambda span, value: span.add_event("event", timestamp=value),
    lambda span, value: span.add_link(value, value),
    lambda span, value: span.add_link(span.get_span_context(), value),
    lambda span, value: span.set_status(value),
    lambda span, value: span.set_status(StatusCode.ERROR, value),
    lambda span, value: span.record_exception(ValueError(), value, value),
    lambda span, value: span.update_name(value),
    lambda span, value: span.set_tag(value, value),
    lambda span, value: span.set_error(value),
    lambda span, value: setattr(span, "input_tokens", value) or span.to_dict(),
    lambda span, value: span.finish(value),
    lambda span, value: span.end(value) or span.to_dict(),
]

STARTS: list[Callable[[Any], Any]] = [
    lambda value: vaquero.span(value),
    lambda value: vaquero.span("span", value),
    lambda value: vaquero.span("span", tags=value, metadata=value),
    lambda value: vaquero.span("span", kind=value),
    lambda value: vaquero.span("span", links=value),
    lambda value: vaquero.span("span", start_time=value),
]


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("use", USES)
def test_no_argument_makes_a_method_raise(use: Callable[[Any, Any], object], kind: str) -> None:
    """Whatever a method is given, it raises nothing and the span arrives."""
    with capture() as seen, vaquero.span("span") as span:
        use(span, HOSTILE[kind]())

    assert len(seen.spans) == 1


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("start", STARTS)
def test_no_argument_keeps_a_span_from_starting(start: Callable[[Any], Any], kind: str) -> None:
    """Whatever a span is started with, it starts, and what is not usable is left out."""
    with capture() as seen, start(HOSTILE[kind]()):
        pass

    assert len(seen.spans) == 1


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("argument", ["attributes", "links", "kind", "start_time", "context"])
def test_no_argument_keeps_a_tracer_from_starting(argument: str, kind: str) -> None:
    """The same for OpenTelemetry's own way to a span, which takes arguments as they are."""
    with capture() as seen:
        tracer = trace.get_tracer("scope")
        tracer.start_span("span", **cast("Any", {argument: HOSTILE[kind]()})).end()

    assert len(seen.spans) == 1


@pytest.mark.parametrize("kind", [dict, list])
def test_the_deepest_value_is_within_what_receivers_parse(kind: type) -> None:
    """A value cut at the depth limit decodes with protobuf's limit of 100 nested messages."""
    value: Any = "bottom"
    for _ in range(100):
        value = {"deeper": value} if kind is dict else [value]
    with capture() as seen, vaquero.span("span") as span:
        span.add_event("event", {"value": value})

    frames = SpanCodec(None).encode(seen.spans).requests
    ExportTraceServiceRequest.FromString(b"".join(frame.body for frame in frames))
