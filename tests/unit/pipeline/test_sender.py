"""The sender: it sleeps while nothing waits, and halves requests that are too large."""

from __future__ import annotations

import threading

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.unit.pipeline.sleep import SleepRecorder
from vaquero.pipeline import Destination, PipelineSettings
from vaquero.pipeline.queue.lane import Lane
from vaquero.pipeline.sender import RequestPart, Sender, split_part
from vaquero.pipeline.stats import Ledger
from vaquero.pipeline.transport.retry import Breaker, SendResult, Verdict


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


class Taken:
    """A transport whose backend takes everything."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def send(self, body: bytes, batch_id: str, timeout_s: float) -> SendResult:
        self.bodies.append(body)
        return SendResult(Verdict.OK)

    def abort(self) -> None:
        """Nothing hangs."""

    def close(self) -> None:
        """Nothing is open."""


def test_an_idle_sender_does_not_wake() -> None:
    """It collects for the delay, sends, and then sleeps until something is appended."""
    ledger, transport, event = Ledger(), Taken(), SleepRecorder()
    lane = Lane("traces", Destination("http://127.0.0.1:1"), ledger, 1 << 20, Breaker())
    settings = PipelineSettings(schedule_delay_s=0.01)
    sender = Sender(
        {"traces": lane},
        {"traces": transport},
        ledger,
        settings,
        lambda *_: False,
        new_event=lambda: event,
    )
    thread = threading.Thread(target=sender.run, daemon=True)
    thread.start()
    assert event.until_asleep()
    assert event.sleeps == [None]

    lane.append(b"body", 1)
    sender.appended()
    with sender.rounds:
        assert sender.rounds.wait_for(lambda: lane.done == 1, 20)
    assert event.until_asleep()
    assert transport.bodies == [b"body"]
    assert sum(sleep is None for sleep in event.sleeps) == 2
    assert all(sleep is None or sleep <= 0.01 for sleep in event.sleeps)

    sender.stop()
    thread.join(20)
    assert not thread.is_alive()
