"""Fingerprints of statements: those of vaquero-conditions, found without taking all apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaquero_conditions import sql
from vaquero_viewer.store.fingerprint import MAX_STATEMENT, fingerprints

_FRAGMENTS = st.sampled_from(
    ("select", " ", "a1", "t.c2", "5", "5.25", "-3", "1e5", "0x1f", "'x'", "'it''s'", "''", '"c 1"',
     "`t 2`", "[t 3]", "(", ")", ",", " = ", " in ", "?", "$1", ":a1", "%s", "@p1", "::int", "--",
     "/*", "*/", "\n", "\\'", "'", '"', "N'a'", "E'a'", "#", "limit 10", "x9", "9x", "_1", "é1")
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(_FRAGMENTS, max_size=20).map("".join), st.sampled_from(("", "postgresql", "redis")))
def test_same_as_the_function(text, system):
    """Whatever the text, quotes left open included, it is the fingerprint of vaquero-conditions."""
    expected = (sql.fingerprint(text, system) or None) if text else None
    assert fingerprints([(text, system)] * 2) == [expected, expected]


@pytest.mark.parametrize(
    ("one", "other"),
    [("select * from t1", "select * from t2"), ('select "c 1"', 'select "c 2"'),
     ("select `c 1`", "select `c 2`"), ("select a where b = 'x'", "select a where c = 'x'"),
     ("select 1 -- it's\n from a where b = 'c'", "select 1 -- it's\n from d where b = 'c'")],
)  # fmt: skip
def test_other_statements_stay_apart(one, other):
    """Names with digits, quoted names and comments with a quote in them are not mistaken."""
    first, second = fingerprints([(one, ""), (other, "")])
    assert first != second


def test_values_do_not_count():
    """Statements that differ in numbers, texts and the length of lists have one fingerprint."""
    texts = [f"SELECT a1 FROM t WHERE b = {n} AND c = 'x{n}' AND d IN ({n}, {n})" for n in range(9)]
    assert len(set(fingerprints((text, "") for text in texts))) == 1


def test_long_statement_is_cut():
    """What lies behind the first 16 384 characters does not count, and costs nothing."""
    head = "select a from t where " + "b = 1 or " * 2000
    one, other = fingerprints([(head + "c = d", ""), (head + "e = f", "")])
    assert len(head) > MAX_STATEMENT
    assert one == other


def test_memory_is_bounded():
    """However many forms come, those that are remembered stay few."""
    from vaquero_viewer.store import fingerprint as module

    fingerprints((f"select a{n} from t", "") for n in range(10_000))
    assert len(module._fingerprints._of_form) <= module._MOST_FORMS


def test_none_stays_none():
    """Spans without a statement have no fingerprint."""
    assert fingerprints([None]) == [None]
