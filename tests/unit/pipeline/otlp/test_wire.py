"""The rules of protobuf's wire format, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from vaquero.pipeline.otlp import wire


def test_numbers_of_all_sizes() -> None:
    """Varints are those of protobuf at each border."""
    for number, data in (
        (0, b"\x00"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (16383, b"\xff\x7f"),
        (16384, b"\x80\x80\x01"),
        (2**64 - 1, b"\xff" * 9 + b"\x01"),
        (-1, b"\xff" * 9 + b"\x01"),
    ):
        assert wire.varint(number) == data
    assert wire.count(1, -5) == b""
    assert wire.count(1, 2**40) == b"\x08\xff\xff\xff\xff\x0f"


@given(st.integers(0, 2**64 - 1))
def test_what_is_written_is_read(number: int) -> None:
    """A varint is read as it was written, and the place behind it is found."""
    data = b"x" + wire.varint(number) + b"rest"
    assert wire.read_varint(data, 1) == (number, len(data) - 4)


def test_all_wire_types_are_read() -> None:
    """Numbers, fixed integers and bytes of a message of protobuf, and the fields as they lie."""
    span = Span(
        trace_id=b"t" * 16, name="n", kind=Span.SPAN_KIND_CLIENT, start_time_unix_nano=7, flags=9
    )
    data = span.SerializeToString()
    fields = dict(wire.read_fields(data))
    assert (fields[1], fields[5], fields[6]) == (b"t" * 16, b"n", 3)
    assert fields[7] == (7).to_bytes(8, "little")
    assert fields[16] == (9).to_bytes(4, "little")
    assert b"".join(raw for _, raw, _ in wire.read_raw_fields(data)) == data


@pytest.mark.parametrize(
    "data", [b"\x08", b"\x08" + b"\xff" * 10, b"\x00", b"\x0a\x05abc", b"\x09abc", b"\x0f\x01"]
)
def test_what_is_no_message_is_a_value_error(data: bytes) -> None:
    """Cut numbers, cut fields, field number 0 and wire types that do not exist."""
    with pytest.raises(ValueError):
        list(wire.read_fields(data))
