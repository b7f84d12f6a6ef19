"""Each row of the table that is about traces or propagation of limits, executed."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from scripts.variables_table import VARIABLES, Variable

from .checks import Checks

CHECKS = Checks()
executes = CHECKS.executes


@pytest.mark.parametrize(
    "row", [row for row in VARIABLES if row.area == "Traces"], ids=lambda row: row.name
)
def test_the_row_says_what_happens(row: Variable, world: Any) -> None:
    """The variable has the effect that its row tells, or none where it is ignored."""
    CHECKS[row.name](world, row.name)


SPEAK = """
import vaquero
vaquero.init(logs=False)
with vaquero.span("work"):
    pass
vaquero.shutdown()
"""


@executes("OTEL_TRACES_EXPORTER")
def exporter(world: Any, name: str) -> None:
    world.plugin(
        {"opentelemetry_traces_exporter": {"acme": "acme_plugin:Exporter"}},
        "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "seen = []\n"
        "class Exporter(InMemorySpanExporter):\n"
        "    def export(self, spans):\n"
        "        seen.extend(span.name for span in spans)\n"
        "        return super().export(spans)\n",
    )
    program, receiver = world.program, world.receiver

    assert program.run({name: "none"})
    assert not receiver.spans
    assert receiver.logs
    assert receiver.metric("count")

    assert program.run({name: "otlp,acme"})
    import acme_plugin  # type: ignore[import-not-found]

    assert [span.name for span in receiver.spans] == acme_plugin.seen == ["work"]

    result = world.python(SPEAK, **{name: "console"}, OTEL_METRICS_EXPORTER="none")
    assert '"name": "work"' in result.stdout

    assert program.run({name: "nosuch,otlp"})
    assert len(receiver.spans) == 1


@executes("OTEL_TRACES_SAMPLER")
def sampler(world: Any, name: str) -> None:
    world.plugin(
        {"opentelemetry_traces_sampler": {"acme": "acme_plugin:make"}},
        "from opentelemetry.sdk.trace.sampling import ALWAYS_OFF\n"
        "def make(argument):\n"
        "    return ALWAYS_OFF\n",
    )
    kept = {
        "always_on": 1,
        "always_off": 0,
        "parentbased_always_on": 1,
        "parentbased_always_off": 0,
        "traceidratio": 1,
        "parentbased_traceidratio": 1,
        "acme": 0,
    }
    for value, spans in kept.items():
        world.program.run({name: value})
        assert len(world.receiver.spans) == spans, value


@executes("OTEL_TRACES_SAMPLER_ARG")
def sampler_argument(world: Any, name: str) -> None:
    for argument, share in (("0", 0), ("0.5", 0.5), ("1", 1)):
        for sampler_name in ("traceidratio", "parentbased_traceidratio"):
            world.program.run({"OTEL_TRACES_SAMPLER": sampler_name, name: argument}, _spans(400))
            assert abs(len(world.receiver.spans) / 400 - share) < 0.12


def _spans(number: int) -> Any:
    def body(program: Any) -> None:
        for _ in range(number):
            program.tracer.start_span("work").end()

    return body


@executes("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE")
def told_to_the_pipeline(world: Any, name: str) -> None:
    value, field, expected = {
        "OTEL_BSP_SCHEDULE_DELAY": ("1200", "schedule_delay_s", 1.2),
        "OTEL_BSP_MAX_QUEUE_SIZE": ("50000", "ring_max_spans", 50_000),
    }[name]
    assert world.program.run({name: value})
    assert getattr(world.program.sdk.pipeline.settings, field) == expected
    assert len(world.receiver.spans) == 1
    if name == "OTEL_BSP_MAX_QUEUE_SIZE":
        assert world.program.run({name: "10"})
        assert world.program.sdk.pipeline.settings.ring_max_spans == 32_768


@executes("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
def batch_size(world: Any, name: str) -> None:
    requests: dict[str, int] = {}
    for value in ("100", "100000"):
        world.program.run({name: value}, _spans(5000))
        assert len(world.receiver.spans) == 5000
        requests[value] = len(world.receiver.of("traces"))
    assert requests["100"] > requests["100000"]


@executes("OTEL_BSP_EXPORT_TIMEOUT")
def ignored_export_timeout(world: Any, name: str) -> None:
    world.program.run({name: "1"})
    assert len(world.receiver.spans) == 1


def _full_span(program: Any) -> None:
    from opentelemetry.trace import Link, SpanContext

    links = [Link(SpanContext(1, number, False), {"a": 1, "b": 2}) for number in (1, 2, 3)]
    with program.tracer.start_as_current_span("work", links=links) as span:
        span.set_attributes({"a": "12345678", "b": "12345678", "c": "12345678"})
        for _ in range(3):
            span.add_event("event", {"a": 1, "b": 2})
        logging.getLogger("shop").warning("x", extra={"d": "12345678", "e": 1})


@executes(
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
)
def counted(world: Any, name: str) -> None:
    def counts() -> dict[str, int]:
        (span,) = world.receiver.spans
        return {
            "SPAN_ATTRIBUTE": len(span.attributes),
            "SPAN_EVENT": len(span.events),
            "SPAN_LINK": len(span.links),
            "EVENT_ATTRIBUTE": max(len(event.attributes) for event in span.events),
            "LINK_ATTRIBUTE": max(len(link.attributes) for link in span.links),
        }

    limited = name.removeprefix("OTEL_").removesuffix("_COUNT_LIMIT")
    assert world.program.run({}, _full_span)
    before = counts()
    assert world.program.run({name: "1"}, _full_span)
    assert before[limited] > 1
    assert counts() == {**before, limited: 1}


@executes("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")
def span_length(world: Any, name: str) -> None:
    assert world.program.run({name: "5"}, _full_span)
    assert world.attributes(world.receiver.spans[0])["a"] == "12345"
    assert world.attributes(world.receiver.logs[0])["d"] == "12345678"


@executes("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
def general_length(world: Any, name: str) -> None:
    assert world.program.run({name: "5"}, _full_span)
    assert world.attributes(world.receiver.spans[0])["a"] == "12345"
    assert world.attributes(world.receiver.logs[0])["d"] == "12345"


@executes("OTEL_ATTRIBUTE_COUNT_LIMIT")
def general_count(world: Any, name: str) -> None:
    assert world.program.run({name: "1"}, _full_span)
    (span,), (record,) = world.receiver.spans, world.receiver.logs
    assert len(span.attributes) == len(record.attributes) == 1
    assert {len(event.attributes) for event in span.events} == {1}


@executes("OTEL_PYTHON_ID_GENERATOR")
def id_generator(world: Any, name: str) -> None:
    world.plugin(
        {"opentelemetry_id_generator": {"acme": "acme_plugin:Ids"}},
        "from opentelemetry.sdk.trace.id_generator import RandomIdGenerator\n"
        "class Ids(RandomIdGenerator):\n"
        "    def generate_trace_id(self):\n"
        "        return 0xACE\n",
    )
    assert world.program.run({name: "acme"})
    assert int.from_bytes(world.receiver.spans[0].trace_id, "big") == 0xACE
    assert world.program.run({name: "random"})
    assert int.from_bytes(world.receiver.spans[0].trace_id, "big") != 0xACE
