"""Version 2: runs, roll-ups of operations, profiles, and attributes in columns of their own.

Nothing of version 1 is lost: the old columns are copied as they are. The new ones are filled
from the attributes that the rows have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from vaquero_viewer.otlp.runs import RUN_END, RUN_START, Run, run_of_event, run_of_resource
from vaquero_viewer.store.fingerprint import MAX_STATEMENT, fingerprints
from vaquero_viewer.store.migrations.progress import Progress

_CHUNK_ROWS = 4096
_CHUNK_BYTES = 8_000_000
"""Of attributes and events: DuckDB holds a chunk some ten times while it is sorted and parsed."""

_NEW_TABLES = (
    """
    CREATE TABLE store.runs (
        run_id VARCHAR, service_name VARCHAR, command VARCHAR, start_ns BIGINT, end_ns BIGINT,
        exit_code INTEGER, revision VARCHAR, branch VARCHAR, host_name VARCHAR, source VARCHAR,
        first_seen_ns BIGINT, last_seen_ns BIGINT)
    """,
    """
    CREATE TABLE store.operation_rollups (
        time_ns BIGINT, service_name VARCHAR, name VARCHAR, kind UTINYINT, http_route VARCHAR,
        run_id VARCHAR, calls UBIGINT, errors UBIGINT, sum_ns HUGEINT, min_ns BIGINT,
        max_ns BIGINT, zero_count UBIGINT, bucket_index SMALLINT[], bucket_count UBIGINT[])
    """,
    """
    CREATE TABLE store.profiles (
        profile_id UUID, time_ns BIGINT, duration_ns BIGINT, sample_type VARCHAR,
        sample_unit VARCHAR, period_type VARCHAR, period_unit VARCHAR, period BIGINT,
        attributes VARCHAR, dropped_attributes UINTEGER, service_name VARCHAR,
        resource_id UBIGINT, scope_id UBIGINT, run_id VARCHAR, received_ns BIGINT)
    """,
    """
    CREATE TABLE store.profile_samples (
        profile_id UUID, stack_id UBIGINT, sample_values BIGINT[], sample_times_ns BIGINT[],
        trace_id UUID, span_id UBIGINT, attributes VARCHAR, received_ns BIGINT)
    """,
    """
    CREATE TABLE store.profile_stacks (
        stack_id UBIGINT, functions VARCHAR[], system_names VARCHAR[], files VARCHAR[],
        lines BIGINT[], columns BIGINT[], start_lines BIGINT[], addresses UBIGINT[],
        mappings VARCHAR[])
    """,
)

_RESOURCES = """
CREATE TABLE store.resources_2 (
    resource_id UBIGINT, service_name VARCHAR, attributes VARCHAR, schema_url VARCHAR,
    run_id VARCHAR)
"""
_RUN_OF_RESOURCE = """
CREATE TABLE store.run_of_resource_2 (resource_id UBIGINT, run_id VARCHAR)
"""
_SERIES = """
CREATE TABLE store.metric_series_2 AS
SELECT s.*, r.run_id FROM store.metric_series s
LEFT JOIN store.run_of_resource_2 r ON r.resource_id = s.resource_id
"""


def _text(column: str, path: str) -> str:
    """The text at a path of a JSON value; NULL where it is none, or empty."""
    found = f"json_extract({column}, '{path}')"
    return f"CASE WHEN starts_with({found}, '\"') THEN nullif({found} ->> '$', '') END"


_STATEMENT = f"""coalesce({_text("attributes", '$."db.query.text"')},
                          {_text("attributes", '$."db.statement"')})"""
_SYSTEM = f"""coalesce({_text("attributes", '$."db.system.name"')},
                       {_text("attributes", '$."db.system"')}, '')"""

_LOGS = f"""
CREATE TABLE store.logs_2 AS
SELECT l.*, {_text("l.attributes", '$."exception.type"')} AS exception_type, r.run_id
FROM store.logs l LEFT JOIN store.run_of_resource_2 r ON r.resource_id = l.resource_id
"""

_LAST_EXCEPTION = """
list_filter(json_extract(s.events, '$[*]'),
            lambda e: json_extract_string(e, '$.name') = 'exception')[-1]
"""

_SPANS = """
CREATE TABLE store.spans_2 (
    trace_id UUID, span_id UBIGINT, parent_span_id UBIGINT, trace_state VARCHAR, flags UINTEGER,
    name VARCHAR, kind UTINYINT, start_ns BIGINT, end_ns BIGINT, duration_ns BIGINT,
    status_code UTINYINT, status_message VARCHAR, service_name VARCHAR, resource_id UBIGINT,
    scope_id UBIGINT, attributes VARCHAR, events VARCHAR, links VARCHAR,
    dropped_attributes UINTEGER, dropped_events UINTEGER, dropped_links UINTEGER,
    received_ns BIGINT, http_route VARCHAR, db_query_fingerprint VARCHAR, server_address VARCHAR,
    exception_type VARCHAR, run_id VARCHAR, commit_number BIGINT)
"""

_WIDTH = """
SELECT coalesce(sum(strlen(attributes)), 0) + coalesce(sum(strlen(events)), 0)
FROM store.spans WHERE rowid BETWEEN {} AND {}
"""

_STATEMENTS = f"""
SELECT number, left(statement, {MAX_STATEMENT}), system FROM (
  SELECT rowid AS number, {_STATEMENT} AS statement, {_SYSTEM} AS system FROM store.spans
  WHERE rowid BETWEEN ? AND ? AND contains(attributes, '"db.'))
WHERE statement IS NOT NULL
"""

_COPY_SPANS = f"""
INSERT INTO store.spans_2
SELECT s.*, {_text("s.attributes", '$."http.route"')},
       f.fingerprint,
       coalesce({_text("s.attributes", '$."server.address"')},
                {_text("s.attributes", '$."net.peer.name"')}),
       CASE WHEN contains(s.events, 'exception')
            THEN {_text(_LAST_EXCEPTION, '$.attributes."exception.type"')} END,
       r.run_id, 0
FROM store.spans s
LEFT JOIN (SELECT unnest(?::BIGINT[]) AS number, unnest(?::VARCHAR[]) AS fingerprint) f
       ON f.number = s.rowid
LEFT JOIN store.run_of_resource_2 r ON r.resource_id = s.resource_id
WHERE s.rowid BETWEEN ? AND ?
ORDER BY s.rowid
"""

_ROLLUPS = """
INSERT INTO store.operation_rollups
SELECT time_ns, service_name, name, kind, http_route, run_id, sum(calls), sum(errors),
       sum(sum_ns), min(min_ns), max(max_ns), sum(calls) FILTER (bucket IS NULL),
       list(bucket ORDER BY bucket) FILTER (bucket IS NOT NULL),
       list(calls ORDER BY bucket) FILTER (bucket IS NOT NULL)
FROM (
  SELECT start_ns - start_ns % 10000000000 AS time_ns, service_name, name, kind, http_route,
         run_id, CASE WHEN duration_ns > 0
                      THEN (ceil(log2(duration_ns) * 64) - 1)::SMALLINT END AS bucket,
         count(*) AS calls, count(*) FILTER (status_code = 2) AS errors,
         sum(duration_ns)::HUGEINT AS sum_ns, min(duration_ns) AS min_ns,
         max(duration_ns) AS max_ns
  FROM store.spans
  WHERE start_ns >= ? AND start_ns < ?
  GROUP BY ALL)
GROUP BY time_ns, service_name, name, kind, http_route, run_id
ORDER BY time_ns
"""
_ROLLUPS_AT_ONCE_ROWS = 200_000

_SEEN = """
SELECT r.resource_id, r.service_name, r.attributes, r.schema_url,
       min(seen.first_ns), max(seen.last_ns)
FROM store.resources r LEFT JOIN (
  SELECT resource_id, min(received_ns) AS first_ns, max(received_ns) AS last_ns
  FROM store.spans GROUP BY ALL
  UNION ALL
  SELECT resource_id, min(received_ns), max(received_ns) FROM store.logs GROUP BY ALL
  UNION ALL
  SELECT s.resource_id, min(p.received_ns), max(p.received_ns)
  FROM store.metric_points p JOIN store.metric_series s ON s.series_id = p.series_id GROUP BY ALL
) seen ON seen.resource_id = r.resource_id
GROUP BY r.resource_id, r.service_name, r.attributes, r.schema_url
"""

_EVENTS = f"""
SELECT coalesce(event_name, attributes ->> 'event.name') AS event, attributes, resource_id,
       service_name, time_ns, received_ns
FROM store.logs WHERE event IN ('{RUN_START}', '{RUN_END}') ORDER BY time_ns
"""

_RUNS = """
INSERT INTO store.runs
SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::BIGINT[]),
       unnest(?::BIGINT[]), unnest(?::INTEGER[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),
       unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::BIGINT[])
"""


def apply(connection: duckdb.DuckDBPyConnection, progress: Progress) -> None:
    """Make version 2 of version 1; a transaction is open."""
    for statement in _NEW_TABLES:
        connection.execute(statement)
    _runs(connection)
    for table, statement in (("metric_series", _SERIES), ("logs", _LOGS)):
        connection.execute(statement)
        _replace(connection, table)
    _spans(connection, progress)
    connection.execute("DROP TABLE store.run_of_resource_2")
    _roll_up(connection, progress)
    connection.execute("INSERT INTO store.vaquero_meta VALUES ('rolled_up_to', '0')")


def _replace(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    connection.execute(f"DROP TABLE store.{table}")
    connection.execute(f"ALTER TABLE store.{table}_2 RENAME TO {table}")


def _runs(connection: duckdb.DuckDBPyConnection) -> None:
    """The runs that resources and events tell of, and which resource belongs to which."""
    runs: dict[str, Run] = {}
    of_resource: dict[int, Run] = {}
    resources: list[tuple[Any, ...]] = []
    for number, service, attributes, schema_url, first, last in connection.execute(
        _SEEN
    ).fetchall():
        run = run_of_resource(_object(attributes), service, first or 0)
        run_id = None if run is None else run.run_id
        resources.append((number, service, attributes, schema_url, run_id))
        if run is not None and first is not None:
            run.last_seen_ns = last
            of_resource[number] = run
            _merge(runs, run)
    connection.execute(_RESOURCES)
    connection.execute(_RUN_OF_RESOURCE)
    for part in _parts(resources, 1000):
        columns = [list(column) for column in zip(*part, strict=True)]
        connection.execute(
            "INSERT INTO store.resources_2 SELECT unnest(?::UBIGINT[]), unnest(?::VARCHAR[]), "
            "unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])", columns
        )  # fmt: skip
    connection.execute(
        "INSERT INTO store.run_of_resource_2 SELECT resource_id, run_id FROM store.resources_2"
    )
    _replace(connection, "resources")
    for event, attributes, number, service, time_ns, received_ns in connection.execute(
        _EVENTS
    ).fetchall():
        run = run_of_event(
            event, _object(attributes), of_resource.get(number), service, time_ns, received_ns
        )
        if run is not None:
            _merge(runs, run)
    for some in _parts(list(runs.values()), 1000):
        rows = [
            (run.run_id, run.service_name, run.command, run.start_ns, run.end_ns, run.exit_code,
             run.revision, run.branch, run.host_name, run.source, run.first_seen_ns,
             run.last_seen_ns)
            for run in some
        ]  # fmt: skip
        connection.execute(_RUNS, [list(column) for column in zip(*rows, strict=True)])


def _merge(runs: dict[str, Run], run: Run) -> None:
    known = runs.get(run.run_id)
    if known is None:
        runs[run.run_id] = replace(run)
    else:
        known.merge(run)


def _spans(connection: duckdb.DuckDBPyConnection, progress: Progress) -> None:
    """The spans with their new columns, some at a time: fingerprints are made in Python."""
    connection.execute(_SPANS)
    last = _number(connection, "SELECT coalesce(max(rowid), -1) FROM store.spans")
    first = 0
    while first <= last:
        until = _end_of_chunk(connection, first, last)
        found = connection.execute(_STATEMENTS, [first, until]).fetchall()
        given = [[row[0] for row in found], fingerprints((row[1], row[2]) for row in found)]
        connection.execute(_COPY_SPANS, [*given, first, until])
        progress("spans", until + 1, last + 1)
        first = until + 1
    _replace(connection, "spans")


def _end_of_chunk(connection: duckdb.DuckDBPyConnection, first: int, last: int) -> int:
    """The last row of a chunk that begins with ``first``: fewer rows where they are wide."""
    until = min(last, first + _CHUNK_ROWS - 1)
    while until > first and _number(connection, _WIDTH.format(first, until)) > _CHUNK_BYTES:
        until = first + (until - first) // 4
    return until


def _roll_up(connection: duckdb.DuckDBPyConnection, progress: Progress) -> None:
    """The roll-ups, some hours at a time: their grouping must fit into the memory allowed."""
    rows = _number(connection, "SELECT count(*) FROM store.spans")
    parts = rows // _ROLLUPS_AT_ONCE_ROWS + 1
    bounds = connection.execute(
        "SELECT DISTINCT unnest(quantile_disc(start_ns - start_ns % 10000000000, ?::DOUBLE[])) b "
        "FROM store.spans ORDER BY b", [[part / parts for part in range(parts)]]
    ).fetchall()  # fmt: skip
    starts = [row[0] for row in bounds]
    ends = [*starts[1:], 2**63 - 1]
    for number, start in enumerate(starts):
        connection.execute(_ROLLUPS, [start, ends[number]])
        progress("operation_rollups", number + 1, len(starts))


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _object(text: str | None) -> dict[str, Any]:
    return json.loads(text) if text else {}


def _parts(rows: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
