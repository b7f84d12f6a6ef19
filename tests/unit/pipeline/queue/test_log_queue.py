"""The queue of log records: bounded, and each record is counted once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from vaquero.pipeline.queue.log_queue import LogQueue
from vaquero.pipeline.stats import Ledger


def record(body: str) -> Any:
    """What the queue needs of a record of the SDK."""
    log = SimpleNamespace(
        timestamp=1,
        observed_timestamp=2,
        severity_number=None,
        severity_text=None,
        body=body,
        attributes={},
        trace_flags=0,
        trace_id=0,
        span_id=0,
    )
    return SimpleNamespace(log_record=log, resource=None, instrumentation_scope=None)


def test_a_flood_of_logs_is_bounded() -> None:
    """Beyond the bound of the queue records are counted as dropped, and memory stays bounded."""
    ledger = Ledger()
    queue = LogQueue(None, ledger, max_records=10)
    taken = [queue.put(record(f"line {number}")) for number in range(25)]
    assert taken == [True] * 10 + [False] * 15
    assert len(queue) == 10
    assert ledger.signals()["logs"].dropped == {"queue_full": 15}
    assert [items for _, items in queue.drain()] == [10]
    assert len(queue) == 0


def test_what_cannot_be_encoded_is_counted() -> None:
    """Something that is no log record costs only itself."""
    ledger = Ledger()
    queue = LogQueue(None, ledger)
    for one in (record("good"), object(), record("good")):
        queue.put(one)
    assert [items for _, items in queue.drain()] == [2]
    assert ledger.signals()["logs"].dropped == {"not_encodable": 1}
