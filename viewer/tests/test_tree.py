"""The tree of a trace, however broken the links between its spans."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store import Store


def _tree(make, *spans):
    store = Store()
    try:
        store.submit(read_spans(make.spans(*spans), 1)).result(20)
        return store.trace(f"{1:032x}")
    finally:
        store.close()


def _shape(trace):
    return [(span.name, span.depth) for span in trace.spans]


def test_children_follow_their_parent_by_time(make):
    """Depth first, siblings by their start, whatever the order of arrival."""
    trace = _tree(
        make,
        {"id": 4, "parent": 2, "name": "d", "start_ms": 3},
        {"id": 3, "parent": 1, "name": "c", "start_ms": 5},
        {"id": 2, "parent": 1, "name": "b", "start_ms": 1},
        {"id": 1, "name": "a", "ms": 9},
    )
    assert _shape(trace) == [("a", 0), ("b", 1), ("d", 2), ("c", 1)]


def test_span_without_its_parent_is_a_root(make):
    """A span whose parent never arrived is shown, and said to be an orphan."""
    trace = _tree(make, {"id": 1, "name": "a"}, {"id": 2, "parent": 99, "name": "b", "start_ms": 1})
    assert _shape(trace) == [("a", 0), ("b", 0)]
    assert [span.orphan for span in trace.spans] == [False, True]


def test_circle_of_parents(make):
    """Spans that are each other's ancestors, or their own, are each shown once."""
    trace = _tree(
        make,
        {"id": 1, "parent": 2, "name": "a"},
        {"id": 2, "parent": 1, "name": "b", "start_ms": 1},
        {"id": 3, "parent": 3, "name": "c", "start_ms": 2},
    )
    assert sorted(name for name, _ in _shape(trace)) == ["a", "b", "c"]


def test_own_time_leaves_out_what_children_cover(make):
    """Children that overlap count once, and only as far as they lie within the parent."""
    trace = _tree(
        make,
        {"id": 1, "name": "a", "ms": 100},
        {"id": 2, "parent": 1, "start_ms": 10, "ms": 30},
        {"id": 3, "parent": 1, "start_ms": 20, "ms": 30},
        {"id": 4, "parent": 1, "start_ms": 90, "ms": 50},
    )
    assert trace.spans[0].self_ms == 50
    assert trace.duration_ms == 140


def test_deep_trace(make):
    """3000 spans inside one another need no deep stack."""
    spans = [{"id": n, "parent": n - 1, "start_ms": n, "name": str(n)} for n in range(1, 3001)]
    trace = _tree(make, *spans)
    assert trace.spans[-1].depth == 2999


def test_limit_leaves_out_the_end(make, client, viewer):
    """Of a large trace the first spans of the tree are given, and how many are not."""
    client.send(make.spans(*({"id": n, "parent": n > 1, "start_ms": n} for n in range(1, 11))))
    trace = viewer.store.trace(f"{1:032x}", limit=4)
    assert (len(trace.spans), trace.truncated, trace.span_count) == (4, 6, 10)
    assert trace.spans[0].parent_span_id is None


@given(parents=st.lists(st.integers(0, 12), min_size=1, max_size=12))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_each_span_is_shown_once(make, parents):
    """For any links whatever, every span stands exactly once in the tree, below a shown parent."""
    spans = [{"id": n + 1, "parent": p, "start_ms": n % 3} for n, p in enumerate(parents)]
    trace = _tree(make, *spans)
    assert sorted(int(span.span_id, 16) for span in trace.spans) == list(range(1, len(parents) + 1))
    path: list[str] = []
    for span in trace.spans:
        del path[span.depth :]
        if span.depth:
            assert span.parent_span_id == path[-1]
        path.append(span.span_id)
