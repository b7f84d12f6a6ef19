"""Halving an encoded request: nothing is lost, nothing is decoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from vaquero.pipeline.otlp.split import halves


def request(shape: list[list[int]]) -> ExportTraceServiceRequest:
    """One resource per inner list, one scope per number, so many spans in it."""
    message = ExportTraceServiceRequest()
    for number, scopes in enumerate(shape):
        resource = message.resource_spans.add(schema_url=f"resource{number}")
        resource.resource.attributes.add(key="n").value.int_value = number
        for place, count in enumerate(scopes):
            scope = resource.scope_spans.add(schema_url="s")
            scope.scope.name = f"scope{place}"
            for span in range(count):
                scope.spans.add(name=f"{number}.{place}.{span}", trace_id=b"t" * 16)
    return message


def listed(message: ExportTraceServiceRequest) -> list[tuple[str, str, str]]:
    return [
        (resource.schema_url, scope.scope.name, span.name)
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@given(st.lists(st.lists(st.integers(0, 5), max_size=3), max_size=3))
def test_the_halves_hold_what_the_whole_held(shape: list[list[int]]) -> None:
    """Every span keeps its resource and scope, in order, and the halves differ by one at most."""
    whole = request(shape)
    spans = listed(whole)
    parts = halves(whole.SerializeToString())
    if len(spans) < 2:
        assert parts is None
        return
    assert parts is not None
    read = [ExportTraceServiceRequest.FromString(body) for body, _ in parts]
    assert listed(read[0]) + listed(read[1]) == spans
    assert [len(listed(one)) for one in read] == [items for _, items in parts]
    assert abs(parts[0][1] - parts[1][1]) <= 1
    assert all(
        resource.resource.attributes[0].value.int_value == int(resource.schema_url[-1])
        for one in read
        for resource in one.resource_spans
    )


@given(st.binary(min_size=1, max_size=200))
def test_what_is_no_request_is_not_split(data: bytes) -> None:
    """Random bytes give two parts, none, or a ValueError, and nothing else."""
    try:
        halves(data)
    except ValueError:
        pass


def test_what_is_no_message_is_not_split() -> None:
    """Numbers where groups or items should stand are a ValueError."""
    for body in (b"\x08\x01", b"\x0a\x02\x10\x01", b"\x0a\x04\x12\x02\x10\x01"):
        with pytest.raises(ValueError):
            halves(body)
