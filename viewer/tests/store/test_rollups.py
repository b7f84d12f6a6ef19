"""Roll-ups of operations: they say what the spans say, whatever came, came late, or went."""

from __future__ import annotations

import math
import random
import time
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaquero_viewer.otlp.batch import Batch
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store import Store, rollups
from vaquero_viewer.store.operations import quantiles
from vaquero_viewer.store.rollups import STEP_NS

from tests.support.waiting import wait_until

_KEY = "start_ns - start_ns % 10000000000, service_name, name, kind, http_route, run_id"


def _expected(rows, store) -> dict[tuple, dict[str, Any]]:
    """What the spans of the store give, counted in Python."""
    groups: defaultdict[tuple, list[tuple[int, int]]] = defaultdict(list)
    for *key, duration, status in rows(
        store, f"SELECT {_KEY}, duration_ns, status_code FROM spans"
    ):
        groups[tuple(key)].append((duration, status))
    return {
        key: {
            "calls": len(spans),
            "errors": sum(status == 2 for _, status in spans),
            "sum": sum(duration for duration, _ in spans),
            "min": min(duration for duration, _ in spans),
            "max": max(duration for duration, _ in spans),
            "zeros": sum(duration == 0 for duration, _ in spans),
            "buckets": _buckets(duration for duration, _ in spans if duration),
        }
        for key, spans in groups.items()
    }


def _buckets(durations) -> dict[int, int]:
    found: defaultdict[int, int] = defaultdict(int)
    for duration in durations:
        found[math.ceil(math.log2(duration) * 64) - 1] += 1
    return dict(found)


def _stored(rows, store, table: str = "operations_10s") -> dict[tuple, dict[str, Any]]:
    """What the roll-ups give, the parts of one operation and time added up."""
    found: dict[tuple, dict[str, Any]] = {}
    for row in rows(store, f"SELECT * FROM {table}"):
        *key, calls, errors, total, least, most, zeros, indexes, counts = row
        mine = found.setdefault(
            tuple(key),
            {"calls": 0, "errors": 0, "sum": 0, "min": least, "max": most, "zeros": 0,
             "buckets": {}},
        )  # fmt: skip
        assert key[0] % STEP_NS == 0
        mine["calls"] += calls
        mine["errors"] += errors
        mine["sum"] += total
        mine["min"], mine["max"] = min(mine["min"], least), max(mine["max"], most)
        mine["zeros"] += zeros or 0
        for index, count in zip(indexes or (), counts or (), strict=True):
            mine["buckets"][index] = mine["buckets"].get(index, 0) + count
        assert indexes is None or list(indexes) == sorted(set(indexes))
    return found


def _batch(make, received_s: int, spans: list[tuple[int, ...]]) -> Batch:
    request = make.spans(
        *(
            {"trace": trace + 1, "id": number + 1, "name": f"op{name}", "kind": 1 + name % 2,
             "start_ms": start * 1000, "ms": duration / 1e6, "status": status,
             "attributes": {"http.route": "/a"} if name == 2 else {}}
            for trace, number, name, start, duration, status in spans
        ),
        **({"service.instance.id": "one"} if received_s % 2 else {}),
    )  # fmt: skip
    return read_spans(request, received_s * 10**9)


_SPAN = st.tuples(
    st.integers(0, 3),
    st.integers(0, 30),
    st.integers(0, 2),
    st.integers(0, 45),
    st.sampled_from((0, 1, 2, 1000, 1024, 999_999, 123_456_789)) | st.integers(0, 10**12),
    st.sampled_from((0, 2)),
)
_STEPS = st.lists(
    st.tuples(st.just("insert"), st.integers(1, 60), st.lists(_SPAN, max_size=12))
    | st.tuples(st.just("keep up"), st.none(), st.none())
    | st.tuples(st.just("drop"), st.integers(1, 60), st.none())
    | st.tuples(st.just("clear"), st.none(), st.none()),
    max_size=12,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS)
def test_rollups_equal_the_spans(make, rows, bare, steps):
    """After any order of insertion, repetition, roll-up and deletion both say the same."""
    bare.database.clear()
    bare.inserter.reload()
    for kind, number, spans in steps:
        if kind == "insert":
            bare.inserter.insert([_batch(make, number, spans)])
        elif kind == "keep up":
            bare.inserter.keep_up()
        elif kind == "drop":
            bare.inserter.keep_up()
            bare.retention.enforce_age(number * 10**9)
            bare.inserter.reload()
        else:
            bare.database.clear()
            bare.inserter.reload()
        assert _stored(rows, bare) == _expected(rows, bare)
    bare.inserter.keep_up()
    assert _stored(rows, bare, "operation_rollups") == _expected(rows, bare)


@pytest.mark.parametrize("keeps_up", [False, True])
def test_drop_without_keeping_up_first(make, rows, bare, keeps_up):
    """A deletion between two roll-ups leaves both what is rolled up and what is not yet right."""
    spans = [(0, number, number % 3, number, 1000 * number, 0) for number in range(30)]
    bare.inserter.insert([_batch(make, 1, spans[:10])])
    if keeps_up:
        bare.inserter.keep_up()
    bare.inserter.insert([_batch(make, 3, spans[10:20])])
    bare.inserter.insert([_batch(make, 1, spans[20:])])
    bare.retention.enforce_age(2 * 10**9)
    bare.inserter.reload()

    assert _stored(rows, bare) == _expected(rows, bare)
    assert sum(entry["calls"] for entry in _stored(rows, bare).values()) == 10
    bare.inserter.keep_up()
    assert _stored(rows, bare, "operation_rollups") == _expected(rows, bare)


def test_deletion_in_parts(make, rows, bare, monkeypatch):
    """Where the spans left are too many for one statement, they are counted part by part."""
    monkeypatch.setattr(rollups, "_AT_ONCE_SPANS", 7)
    spans = [(0, number, number % 2, number // 5 * 10, 1000 * number, 0) for number in range(30)]
    spans += [(1, number, 2, 500, number, 2) for number in range(30)]
    bare.inserter.insert([_batch(make, 1, [(2, *span[1:]) for span in spans])])
    bare.inserter.insert([_batch(make, 3, spans)])
    bare.inserter.keep_up()
    bare.retention.enforce_age(2 * 10**9)
    bare.inserter.reload()

    assert _stored(rows, bare) == _expected(rows, bare)
    assert sum(entry["calls"] for entry in _stored(rows, bare).values()) == 60


def test_late_span_counts_in_its_own_time(make, rows):
    """A span that arrives an hour late is in the 10 s of its start."""
    store = Store()
    try:
        for start in (3_600_000, 0):
            spans = make.spans({"id": start + 1, "start_ms": start, "name": "late"})
            store.submit(read_spans(spans, time.time_ns())).result(20)
        found = store.rollups(step_s=10)
        begin = make.now - make.now % STEP_NS
        assert [(row.time_ns, row.calls) for row in found] == [
            (begin, 1), (begin + 3600 * 10**9, 1)
        ]  # fmt: skip
    finally:
        store.close()


def test_rollups_survive_a_kill(file, make, rows):
    """What was committed and not yet rolled up is right after the process died, and goes in."""
    import subprocess
    import sys

    code = (
        "import os, sys; from pathlib import Path; from vaquero_viewer import Store\n"
        "from vaquero_viewer.otlp.spans import read_spans\n"
        "from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as t\n"
        "r = t.ExportTraceServiceRequest.FromString(sys.stdin.buffer.read())\n"
        "Store(Path(sys.argv[1])).submit(read_spans(r, 1_800_000_000 * 10**9)).result(20)\n"
        "os._exit(9)"
    )
    body = make.spans({"id": 1}, {"id": 2, "ms": 5}).SerializeToString()
    subprocess.run([sys.executable, "-c", code, str(file)], input=body, timeout=60)

    store = Store(file, max_age_s=1e9)
    try:
        assert _stored(rows, store) == _expected(rows, store)
        assert [row.calls for row in store.rollups()] == [2]
    finally:
        store.close()
    assert _stored(rows, file, "operation_rollups") == _expected(rows, file)


def test_many_spans_are_rolled_up_at_once(make, rows, monkeypatch):
    """Above a number of waiting spans they are rolled up without waiting for the time."""
    from vaquero_viewer.store import writer

    monkeypatch.setattr(writer, "_UPKEEP_AT_SPANS", 5)
    store = Store()
    try:
        spans = make.spans(*({"id": number + 1} for number in range(6)))
        store.submit(read_spans(spans, time.time_ns())).result(20)
        wait_until(
            lambda: rows(store, "SELECT count(*) FROM operation_rollups") == [(1,)], "one roll-up"
        )
        assert _stored(rows, store) == _expected(rows, store)
    finally:
        store.close()


def test_questions(make):
    """Rows by operation, by step, by run and by service; rates, errors and bounds are exact."""
    store = Store()
    try:
        for index, run in enumerate(("a", "b")):
            spans = [
                {"id": 100 * index + number + 1, "start_ms": number * 1000, "ms": 1 + number,
                 "status": 2 * (number == 3), "kind": 2, "name": "GET /x",
                 "attributes": {"http.route": "/x"}}
                for number in range(20)
            ]  # fmt: skip
            request = make.spans(*spans, **{"service.instance.id": run})
            store.submit(read_spans(request, time.time_ns())).result(20)

        (row,) = store.rollups()
        assert (row.service, row.name, row.kind, row.route) == ("shop", "GET /x", "server", "/x")
        assert (row.calls, row.errors, row.min_ms, row.max_ms) == (40, 2, 1.0, 20.0)
        assert (row.sum_ms, row.time_ns, row.run_id) == (420.0, None, None)
        (same,) = store.operations()
        for name in ("p50_ms", "p95_ms", "p99_ms"):
            assert getattr(row, name) == pytest.approx(getattr(same, name), rel=0.0055)

        assert [(r.run_id, r.calls) for r in store.rollups(by=("run",))] == [("a", 20), ("b", 20)]
        assert [r.calls for r in store.rollups(run_id="b", step_s=10)] == [10, 10]
        assert [r.calls for r in store.rollups(by=(), since_ns=make.now + 12 * 10**9)] == [20]
        assert [r.calls for r in store.rollups(by=(), until_ns=make.now + 10**9)] == [20]
        assert store.rollups(service="nobody") == []
        assert len(store.rollups(step_s=10, limit=1)) == 1
    finally:
        store.close()


def test_all_time_is_one_stretch(make):
    """Without a step there is one row an operation, whatever times its spans bear."""
    request = make.spans({"id": 1}, {"id": 2})
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[0].start_time_unix_nano = spans[0].end_time_unix_nano = 2**63 - 1
    store = Store()
    try:
        store.submit(read_spans(request, time.time_ns())).result(20)
        assert [row.calls for row in store.rollups()] == [2]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("given", "word"), [({"step_s": 15}, "multiple of 10"), ({"step_s": 0}, "multiple of 10"),
                        ({"by": ("colour",)}, "service, name, kind, route, run")],
)  # fmt: skip
def test_question_that_cannot_be_asked(given, word):
    """A step or a name that is not valid is an error that says what is."""
    store = Store()
    try:
        with pytest.raises(ValueError, match=word):
            store.rollups(**given)
    finally:
        store.close()


_SHAPES = {
    "lognormal": lambda source: source.lognormvariate(16, 1.2),
    "bimodal": lambda source: source.gauss(1e6, 1e4) if source.random() < 0.6 else 5e8,
    "pareto": lambda source: 1e5 * source.paretovariate(1.1),
    "atoms": lambda source: source.choice((1000, 1024, 65536, 10**6, 10**6 + 1)),
    "log-uniform": lambda source: math.exp(source.uniform(math.log(1e3), math.log(1e11))),
}


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000, 20_000])
@pytest.mark.parametrize("shape", _SHAPES)
def test_quantiles_within_one_percent(shape, count):
    """Of five shapes and any number of values the percentiles are within 0.55 % of the true."""
    source = random.Random(count)
    values = sorted(max(0, int(_SHAPES[shape](source))) for _ in range(count))
    shares = (0.0, 0.5, 0.95, 0.99, 1.0)
    found = quantiles(
        _buckets(value for value in values if value),
        sum(value == 0 for value in values),
        values[0],
        values[-1],
        shares,
    )
    for share, got in zip(shares, found, strict=True):
        position = (count - 1) * share
        below, above = values[math.floor(position)], values[math.ceil(position)]
        true = below + (above - below) * (position - math.floor(position))
        assert got == pytest.approx(true, rel=0.0055)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=50), st.integers(0, 50))
def test_two_histograms_added_are_that_of_all(values, cut):
    """Bucket by bucket, the sum of two histograms is the histogram of both."""
    one, two, both = (_buckets(filter(None, part)) for part in (values[:cut], values[cut:], values))
    keys = one.keys() | two.keys()
    assert {key: one.get(key, 0) + two.get(key, 0) for key in keys} == both
    (median,) = quantiles(both, values.count(0), min(values), max(values), (0.5,))
    # Percentiles are floating-point numbers: 2**53 + 1 is none.
    assert float(min(values)) <= median <= float(max(values))
