"""Handing a trace on: messages, subprocesses, baggage."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context, trace

import vaquero
from vaquero import testing
from vaquero.tracing.propagation import BaggageProcessor, child_environment, extract, inject


def test_a_message_carries_the_trace() -> None:
    """What the sender injects makes the receiver's span a child of the sender's."""
    with testing.capture() as telemetry:
        with vaquero.span("send"):
            message = dict(inject())
        with vaquero.continued({key.upper(): value for key, value in message.items()}):
            with vaquero.span("handle"):
                pass
        with vaquero.span("apart"):
            pass

    send, handle = telemetry.span("send"), telemetry.span("handle")
    assert handle.parent.span_id == send.context.span_id
    assert handle.parent.is_remote
    assert telemetry.span("apart").parent is None


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=40), max_size=4))
def test_no_carrier_raises(carrier: dict[str, str]) -> None:
    """Whatever else stands in a message: a broken entry is no parent, a good one is read."""
    broken = extract({**carrier, "traceparent": "00-zz-zz-zz", "baggage": "=,;"})
    assert not trace.get_current_span(broken).get_span_context().is_valid
    assert baggage.get_all(broken) == {}

    good = extract({**carrier, "traceparent": f"00-{1:032x}-{2:016x}-01", "baggage": "a=b"})
    parent = trace.get_current_span(good).get_span_context()
    assert (parent.trace_id, parent.span_id, parent.is_remote) == (1, 2, True)
    assert baggage.get_all(good) == {"a": "b"}


CHILD = """
import vaquero
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
memory = InMemorySpanExporter()
vaquero.init(span_processors=[SimpleSpanProcessor(memory)])
with vaquero.span("child"):
    pass
(span,) = memory.get_finished_spans()
print(span.parent and format(span.parent.span_id, "x"))
"""


@pytest.mark.parametrize("joined", [True, False])
def test_a_subprocess_joins_when_it_is_told_to(joined: bool) -> None:
    """Only an environment made for a child makes its spans children."""
    own = {**os.environ, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none",
           "OTEL_LOGS_EXPORTER": "none"}  # fmt: skip
    with testing.capture() as telemetry, vaquero.span("parent"):
        environ = child_environment(own) if joined else own
        said = subprocess.run(
            [sys.executable, "-c", CHILD], env=environ, capture_output=True, text=True, check=True
        ).stdout.strip()

    parent = telemetry.span("parent").context
    assert said == (format(parent.span_id, "x") if joined else "None")


def test_only_named_baggage_becomes_attributes() -> None:
    """An allow-list decides; what anybody else sent along is not copied."""
    with testing.capture() as telemetry:
        trace.get_tracer_provider().add_span_processor(BaggageProcessor(("tenant", "user.*")))
        carried = baggage.set_baggage("tenant", "t1")
        carried = baggage.set_baggage("user.kind", "staff", carried)
        carried = baggage.set_baggage("secret", "s", carried)
        token = context.attach(carried)
        with vaquero.span("x"):
            pass
        context.detach(token)

    assert dict(telemetry.span("x").attributes or {}) == {"tenant": "t1", "user.kind": "staff"}
