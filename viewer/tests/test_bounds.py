"""The bounds of the store: size, age, and the queue in front of it."""

from __future__ import annotations

import threading
import time

import pytest
from vaquero_viewer.errors import Busy
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store import MIN_MAX_SIZE_BYTES, Store

from tests.support.waiting import wait_until


def _fill(store: Store, make, count: int, size: int) -> None:
    """Store `count` batches, each of 20 spans with `size` characters that do not compress."""
    import random

    source = random.Random(1)
    for number in range(count):
        spans = [
            {"trace": number + 1, "id": index + 1,
             "attributes": {"blob": source.randbytes(size // 2).hex()}}
            for index in range(20)
        ]  # fmt: skip
        request = make.spans(*spans)
        batch = read_spans(request, time.time_ns())
        batch.size_bytes = request.ByteSize()
        store.submit(batch).result(30)


@pytest.mark.parametrize("in_memory", [False, True])
def test_oldest_spans_go_when_the_store_is_full(make, file, in_memory):
    """Twice the allowed size is sent: the store stays within it, drops from the oldest, counts."""
    store = Store(None if in_memory else file, max_size_bytes=MIN_MAX_SIZE_BYTES)
    try:
        _fill(store, make, 60, 20_000)
        # The writer drops after it acknowledged, so the last round may still be at work.
        counts = wait_until(
            lambda: (now := store.counts()).used_bytes < MIN_MAX_SIZE_BYTES and now, "room"
        )
        assert 0 < counts.dropped_spans < 1200
        assert counts.spans + counts.dropped_spans == counts.inserted == 1200
        assert store.trace(f"{60:032x}") is not None
        assert store.trace(f"{1:032x}") is None
    finally:
        store.close()
    if not in_memory:
        assert file.stat().st_size < 2 * MIN_MAX_SIZE_BYTES


def test_records_older_than_allowed_go(make, file):
    """With an age of a moment, what an earlier viewer stored is dropped at the next start."""
    store = Store(file)
    store.submit(read_spans(make.spans({}), time.time_ns() - 3600 * 10**9)).result(20)
    store.submit(read_spans(make.spans({"id": 2}), time.time_ns())).result(20)
    store.close()

    store = Store(file, max_age_s=1800)
    try:
        store.submit(read_spans(make.spans({"id": 3}), time.time_ns())).result(20)
        counts = store.counts()
        assert (counts.spans, counts.dropped_spans) == (2, 1)
    finally:
        store.close()


def test_old_data_sent_today_is_kept(client, viewer, make):
    """Age counts from the arrival: spans that bear a date of years ago are not dropped."""
    client.send(make.spans({}))

    assert viewer.store.counts().spans == 1


def test_full_queue_says_busy(make):
    """When too many rows wait, a further batch is refused at once, and those that wait are kept."""
    store = Store()
    try:
        from vaquero_viewer.store import writer as module

        batch = read_spans(make.spans({}), 1)
        batch.size_bytes = module._MAX_QUEUED_BYTES + 1
        gate, entered = threading.Event(), threading.Event()
        insert = store._writer._inserter.insert

        def slow(batches):
            entered.set()
            assert gate.wait(20)
            return insert(batches)

        store._writer._inserter.insert = slow
        first = store.submit(read_spans(make.spans({"id": 9}), 1))
        assert entered.wait(20)
        second = store.submit(batch)
        with pytest.raises(Busy):
            store.submit(read_spans(make.spans({"id": 3}), 1))
        gate.set()
        first.result(20)
        second.result(20)
        assert store.counts().spans == 2
    finally:
        store.close()


def test_busy_is_503_with_retry_after(client, viewer, make, monkeypatch):
    """A full queue reaches the sender as 503 with Retry-After, which OTLP clients obey."""

    def full(_batch):
        raise Busy("many rows wait")

    monkeypatch.setattr(viewer.store, "submit", full)
    reply = client.post("/v1/traces", make.spans({}).SerializeToString())

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert "many rows wait" in reply.reason


def test_failed_write_is_told_and_the_next_one_works(client, viewer, make, monkeypatch):
    """If the database cannot write, the sender comes again, health says why, and all ends well."""
    import duckdb

    inserter = viewer.store._writer._inserter
    insert = inserter.insert

    def fail(_batches):
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(inserter, "insert", fail)
    reply = client.post("/v1/traces", make.spans({}).SerializeToString())
    assert reply.status == 503
    health = client.get("/api/health").json
    assert (health["status"], health["failure"]) == ("failing", "No space left on device")

    monkeypatch.setattr(inserter, "insert", insert)
    client.send(make.spans({}))
    assert client.get("/api/health").json["status"] == "ok"


def test_broken_database_is_opened_anew(make, file, monkeypatch):
    """After a failure that DuckDB cannot go on from, the next batch finds the file open again."""
    import duckdb

    store = Store(file)
    try:
        store.submit(read_spans(make.spans({"id": 1}), time.time_ns())).result(20)
        inserter = store._writer._inserter
        insert = inserter.insert

        def die(_batches):
            inserter._database.connection.close()
            raise duckdb.FatalException("database has been invalidated")

        monkeypatch.setattr(inserter, "insert", die)
        with pytest.raises(Busy):
            store.submit(read_spans(make.spans({"id": 2}), time.time_ns())).result(20)
        monkeypatch.setattr(inserter, "insert", insert)
        for number in (1, 2):
            batch = read_spans(make.spans({"id": number}), time.time_ns())
            store.submit(batch).result(20)
        assert (store.counts().spans, store.failure) == (2, None)
    finally:
        store.close()


def test_sender_that_gives_up_harms_nobody(make):
    """A batch whose sender no longer waits is stored, and the writer goes on."""
    store = Store()
    try:
        with store._writer._changed:
            future = store.submit(read_spans(make.spans({"id": 1}), time.time_ns()))
            assert not future.cancel()
        store.submit(read_spans(make.spans({"id": 2}), time.time_ns())).result(20)
        assert store.counts().spans == 2
    finally:
        store.close()


def test_one_bad_batch_does_not_take_the_others_along(make, monkeypatch):
    """Of batches committed together, only the one that cannot be stored fails."""
    import duckdb
    from vaquero_viewer.errors import BadBody

    store = Store()
    try:
        good, bad = read_spans(make.spans({}), 1), read_spans(make.spans({"id": 2}), 1)
        inserter, writer = store._writer._inserter, store._writer
        insert = inserter.insert

        def picky(batches):
            if bad in batches:
                raise duckdb.ConversionException("value out of range")
            return insert(batches)

        monkeypatch.setattr(inserter, "insert", picky)
        with writer._changed:
            futures = [store.submit(batch) for batch in (good, bad)]
        futures[0].result(20)
        with pytest.raises(BadBody):
            futures[1].result(20)
        assert store.counts().spans == 1
    finally:
        store.close()


@pytest.mark.parametrize(
    ("given", "word"), [({"max_size_bytes": 10}, "16 MiB"), ({"max_age_s": 0}, "above 0")]
)
def test_unusable_bounds(given, word):
    """A bound that leaves no room is an error that says what would do."""
    with pytest.raises(ValueError, match=word):
        Store(**given)
