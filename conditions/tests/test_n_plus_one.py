"""The N+1 rule: what is N+1, what only looks like it, and how sure that is."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from vaquero_conditions.n_plus_one import (
    QueryGroup,
    QuerySpan,
    Thresholds,
    count_queries,
    find_n_plus_one,
    judge_queries,
    without_text,
)

from conditions.tests.tables import rows

MS = 1_000_000
LOADS = "SELECT * FROM items WHERE order_id = ?"


def _trace(
    number: int,
    calls: int,
    statement: str | None = LOADS,
    *,
    kind: str = "server",
    system: str = "postgresql",
    each_ms: float = 4,
    step_ms: float = 5,
    parameters: str = "{none}",
    errors: bool = False,
    name: str = "GET /orders",
    first_id: int = 2,
) -> list[QuerySpan]:
    found = [QuerySpan(number, 1, None, name, 0, 100 * MS, kind=kind, service="shop")]
    for n in range(calls):
        begin = int(n * step_ms * MS)
        found.append(
            QuerySpan(
                number, first_id + n, 1, "query", begin, begin + int(each_ms * MS), kind="client",
                service="shop", error=errors, db_system=system,
                statement=statement.replace("{n}", str(n * 10)) if statement else None,
                parameters=None if parameters == "{none}" else parameters.replace("{n}", str(n)),
            )
        )  # fmt: skip
    return found


OPTIONS: dict[str, dict[str, object]] = {
    "": {},
    "same parameters": {"parameters": "('key',)"},
    "other parameters": {"parameters": "({n},)"},
    "parallel": {"step_ms": 1},
    "consumer": {"kind": "consumer"},
    "internal": {"kind": "internal"},
    "errors": {"errors": True},
    "0.1 ms each": {"each_ms": 0.1},
    "redis": {"system": "redis"},
}


@pytest.mark.parametrize("case", rows("n-plus-one.md", "verdicts"), ids=lambda case: case["case"])
def test_verdicts_are_what_the_page_says(case: dict[str, str]) -> None:
    """Each case of the table gets that verdict and that certainty."""
    options = OPTIONS[case["differs by"]]
    spans = [
        span
        for number, calls in enumerate(case["calls"].split())
        for span in _trace(number, int(calls), case["statement"] or None, **options)  # type: ignore[arg-type]
    ]
    random.Random(1).shuffle(spans)
    found = [(group.verdict, group.certainty or "") for group in judge_queries(spans)]

    assert found == ([] if case["verdict"] == "none" else [(case["verdict"], case["certainty"])])
    assert len(find_n_plus_one(spans)) == (case["verdict"] == "n_plus_one")


def _only(spans: list[QuerySpan]) -> QueryGroup:
    (found,) = judge_queries(spans)
    return found


def test_a_result_says_where_how_often_and_how_costly() -> None:
    """Counts of all parents, cost of those that repeat it, and the clearest traces."""
    found = _only(_trace(1, 3) + _trace(2, 20) + _trace(3, 10))

    assert (found.service, found.operation, found.parent) == ("shop", "GET /orders", "GET /orders")
    assert found.counts == (3, 10, 20)
    assert found.requests == 3
    assert found.traces == (2, 3)
    assert (found.mean_ms, found.cost_ms, found.share) == (4, 60, 0.6)
    assert found.statement == "select * from items where order_id = ?"
    assert found.db_system == "postgresql"


def test_two_statements_for_each_item_are_two_results() -> None:
    """Statements that take turns are both N+1."""
    one = _trace(1, 10, step_ms=9)
    other = _trace(1, 10, "SELECT * FROM prices WHERE item = ?", step_ms=9, first_id=50)[1:]
    moved = [
        QuerySpan(
            **{**_fields(span), "start_ns": span.start_ns + 4 * MS, "end_ns": span.end_ns + 4 * MS}
        )  # type: ignore[arg-type]
        for span in other
    ]

    assert [group.verdict for group in judge_queries(one + moved)] == ["n_plus_one"] * 2


def _fields(span: QuerySpan) -> dict[str, object]:
    return {name: getattr(span, name) for name in span.__dataclass_fields__}


def test_many_rows_in_one_call_are_one_call() -> None:
    """A single statement for a thousand rows is nothing to speak of."""
    insert = f"INSERT INTO t VALUES {', '.join('(?)' for _ in range(1000))}"

    assert judge_queries(_trace(1, 1, insert, each_ms=90)) == []


def test_a_job_that_runs_long_names_each_statement_with_its_share() -> None:
    """A batch of thousands of queries is one result per statement, and no N+1."""
    spans = [QuerySpan(1, 1, None, "nightly", 0, 60_000 * MS, kind="internal")]
    spans += [
        QuerySpan(1, 2 + n, 1, "q", n * 10 * MS, n * 10 * MS + 5 * MS, "client",
                  db_system="sqlite", statement=f"SELECT {'ab'[n % 2]} FROM t WHERE c = {n}")
        for n in range(5000)
    ]  # fmt: skip
    found = judge_queries(spans)

    assert [(group.verdict, len(group.counts)) for group in found] == [("batch", 1)] * 2
    assert [round(group.share or 0, 3) for group in found] == [0.208, 0.208]
    jobs = judge_queries(spans, Thresholds(jobs_are_requests=True))
    assert {group.verdict for group in jobs} == {"n_plus_one"}


def test_a_part_of_a_trace_is_no_job() -> None:
    """Where the entry is in another process, nothing says that this is a job."""
    spans = [QuerySpan(1, 1, 99, "handle", 0, 100 * MS), *_trace(1, 8)[1:]]

    assert _only(spans).verdict == "n_plus_one"


def test_a_missing_parent_leaves_the_time_to_decide() -> None:
    """Without the parent a group counts from 20 ms on."""
    assert _only(_trace(1, 8)[1:]).share is None
    assert judge_queries(_trace(1, 8, each_ms=2)[1:]) == []


def test_spans_without_text_are_counted_and_not_judged() -> None:
    """What has no statement is said, not passed over."""
    spans = _trace(1, 20, None)

    assert judge_queries(spans) == []
    assert without_text(spans) == 20
    assert without_text(_trace(1, 20)) == 0
    assert without_text(_trace(1, 20, "-- nothing")) == 20
    (root, first) = _trace(1, 1, None)
    below = replace(first, span_id=9, parent_id=first.span_id)
    assert without_text([root, first, below, replace(first, span_id=8, name="connect")]) == 1
    assert without_text([root, first, *_trace(2, 1, None)]) == 2


def test_a_tenth_of_overlap_is_parallel() -> None:
    """A threshold that is exactly reached counts: one of ten calls is beside another one."""
    *before, last = _trace(1, 10, each_ms=10, step_ms=10)
    beside = replace(last, start_ns=80 * MS, end_ns=90 * MS)
    nearly = replace(last, start_ns=80 * MS + 1, end_ns=90 * MS + 1)

    assert _only([*before, beside]).verdict == "parallel"
    assert _only([*before, nearly]).verdict == "n_plus_one"


def test_a_driver_under_an_orm_is_the_same_call() -> None:
    """A span of a database under a span of a database is not counted twice."""
    spans = _trace(1, 8)
    inner = [
        QuerySpan(1, 100 + n, span.span_id, "query", span.start_ns, span.end_ns, "client",
                  db_system="postgresql", statement=LOADS)
        for n, span in enumerate(spans[1:])
    ]  # fmt: skip

    assert _only(spans + inner).counts == (8,)
    assert count_queries(spans + inner) == 8


def test_queries_are_counted_without_what_holds_a_transaction_together() -> None:
    """`BEGIN`, `COMMIT` and connecting are no queries; a call without text is one."""
    spans = (
        _trace(1, 3) + _trace(1, 2, "COMMIT", first_id=50)[1:] + _trace(1, 2, None, first_id=60)[1:]
    )
    spans.append(QuerySpan(1, 70, 1, "connect", 0, MS, "client", db_system="sqlite"))

    assert count_queries(spans) == 5


def test_a_circle_of_parents_ends() -> None:
    """Spans that name each other as parents are judged, not followed for ever."""
    spans = [QuerySpan(1, 1, 2, "a", 0, 100 * MS), QuerySpan(1, 2, 1, "b", 0, 100 * MS)]
    spans += [span for span in _trace(1, 8, first_id=10) if span.span_id != 1]

    assert _only(spans).counts == (8,)


def test_no_spans_are_no_results() -> None:
    """Nothing gives nothing."""
    assert judge_queries([]) == []
    assert count_queries([]) == without_text([]) == 0
