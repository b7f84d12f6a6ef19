"""What else goes when old records go: runs, roll-ups, profiles, and what they alone refer to."""

from __future__ import annotations

from vaquero_viewer.otlp.spans import read_spans

_PROFILES = """
INSERT INTO store.profiles (profile_id, resource_id, scope_id, received_ns)
VALUES (uuid(), 71, 72, {0}000000000);
INSERT INTO store.profile_samples (stack_id, received_ns) VALUES ({0}, {0}000000000);
INSERT INTO store.profile_stacks (stack_id) VALUES ({0});
"""


def _put(bare, make, received_s: int, run: str, number: int) -> None:
    request = make.spans({"id": number}, **{"vaquero.run.id": run})
    bare.inserter.insert([read_spans(request, received_s * 10**9)])


def test_runs_go_with_their_last_record(bare, make, rows):
    """A run whose records are all dropped goes; one that sent something later stays whole."""
    _put(bare, make, 1, "old", 1)
    _put(bare, make, 1, "long", 2)
    _put(bare, make, 9, "long", 3)
    bare.inserter.keep_up()

    dropped = bare.retention.enforce_age(5 * 10**9)

    assert rows(bare, "SELECT run_id, first_seen_ns FROM runs") == [("long", 10**9)]
    assert rows(bare, "SELECT DISTINCT run_id FROM resources") == [("long",)]
    assert rows(bare, "SELECT run_id, calls FROM operation_rollups") == [("long", 1)]
    assert (dropped, bare.retention.dropped.runs, bare.retention.dropped.spans) == (3, 1, 2)


def test_run_that_was_seen_since_stays(bare, make, rows):
    """A run keeps what it said while records of it are there, also where the row lags behind."""
    _put(bare, make, 1, "long", 1)
    _put(bare, make, 9, "long", 2)
    assert rows(bare, "SELECT last_seen_ns FROM runs") == [(10**9,)]

    bare.retention.enforce_age(5 * 10**9)
    assert rows(bare, "SELECT run_id, first_seen_ns FROM runs") == [("long", 10**9)]

    bare.retention.enforce_age(10 * 10**9)
    assert rows(bare, "SELECT run_id FROM runs") == []


def test_profiles_go_by_age(bare, rows):
    """Profiles and samples go by their arrival, stacks with the last sample that uses them."""
    for second in (1, 9):
        bare.connection.execute(_PROFILES.format(second))
    bare.connection.execute("INSERT INTO store.resources (resource_id) VALUES (71), (73)")

    assert bare.retention.enforce_age(5 * 10**9) == 2

    assert rows(bare, "SELECT received_ns FROM profiles") == [(9 * 10**9,)]
    assert rows(bare, "SELECT stack_id FROM profile_samples") == [(9,)]
    assert rows(bare, "SELECT stack_id FROM profile_stacks") == [(9,)]
    assert rows(bare, "SELECT resource_id FROM resources") == [(71,)]


def test_failed_deletion_deletes_nothing(bare, make, rows, monkeypatch):
    """If the roll-ups cannot be made anew, the spans stay as well."""
    import duckdb
    import pytest
    from vaquero_viewer.store import rollups

    _put(bare, make, 1, "old", 1)
    bare.inserter.keep_up()

    def fail(*_given) -> None:
        raise duckdb.IOException("no space")

    monkeypatch.setattr(rollups, "make_anew", fail)
    with pytest.raises(duckdb.IOException):
        bare.retention.enforce_age(5 * 10**9)
    assert rows(bare, "SELECT count(*) FROM spans") == [(1,)]
    assert bare.retention.dropped.spans == 0
