"""The sender's requests: joined from frames, and halved where they are too large."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from vaquero.pipeline.sender import RequestPart, split_part


def request(spans: int) -> bytes:
    """A request of so many spans."""
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for number in range(spans):
        scope.spans.add(name=f"{number}", trace_id=b"t" * 16)
    return message.SerializeToString()


def test_parts_share_batch_id_and_count() -> None:
    """The halves of a part carry its id with a suffix, and its items between them."""
    body = request(5)
    halved = split_part(RequestPart(body, 5, "abc", 2))
    assert halved is not None
    assert [part.batch_id for part in halved] == ["abc.0", "abc.1"]
    assert sum(part.items for part in halved) == 5
    assert sum(part.traces for part in halved) == 2


@pytest.mark.parametrize("body", [b"", b"\xff\xff", request(1)])
def test_what_cannot_be_split_says_so(body: bytes) -> None:
    """Nothing, rubbish and a single span have no halves."""
    assert split_part(RequestPart(body, 1, "x", 1)) is None
