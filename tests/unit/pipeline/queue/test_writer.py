"""The writer: it moves what waits, and sleeps while nothing does."""

from __future__ import annotations

import threading
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from tests.unit.pipeline.sleep import SleepRecorder
from vaquero.pipeline import Destination
from vaquero.pipeline.otlp.span_batches import SpanCodec
from vaquero.pipeline.queue.lane import Lane
from vaquero.pipeline.queue.log_queue import LogQueue
from vaquero.pipeline.queue.ring import Ring
from vaquero.pipeline.queue.writer import QueueWriter
from vaquero.pipeline.stats import Ledger
from vaquero.pipeline.transport.retry import Breaker


def test_an_idle_writer_does_not_wake() -> None:
    """It looks every interval while spans end, and then sleeps until the next one calls it."""
    ledger = Ledger()
    lane = Lane("traces", Destination("http://127.0.0.1:1"), ledger, 1 << 20, Breaker())
    event = SleepRecorder()
    ring = Ring(1000, 1 << 20, call=event.set, overflow=lambda: None)
    writer = QueueWriter(
        ring,
        {"traces": lane},
        ledger,
        codec=SpanCodec(None),
        logs=LogQueue(None, ledger),
        interval_s=0.01,
        appended=lambda: None,
        drained=lambda: None,
        new_event=lambda: event,
    )
    thread = threading.Thread(target=writer.run, daemon=True)
    thread.start()
    assert event.until_asleep()
    assert 0.01 not in event.sleeps

    span: Any = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("x")
    span.end()
    ring.put_sdk(span)
    assert event.until_asleep()
    assert ledger.signals()["traces"].accepted == 1
    assert lane.waiting_bytes
    assert event.sleeps[-2:] == [0.01, None]

    writer.stop()
    thread.join(20)
    assert not thread.is_alive()
