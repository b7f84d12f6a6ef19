"""Roll-ups: the spans of each operation in each 10 s, with their distribution, ready to be added.

The distribution is an exponential histogram of scale 6, as OpenTelemetry defines it: bucket ``i``
holds durations above ``2**(i / 64)`` and up to ``2**((i + 1) / 64)`` nanoseconds, and a value read
from it is within 0.55 % of the true one. Histograms are added bucket by bucket, so that
percentiles of any stretch of time come from the same rows.

A span counts in the 10 s of its own start, however late it arrives. Spans that were committed
since the last roll-up are added from their own rows when somebody asks: view and spans agree in
each snapshot of the database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import duckdb

from vaquero_viewer.store import schema

STEP_NS = 10 * 10**9
"""Stretch of time of one roll-up."""

ROLLED_UP_TO = "rolled_up_to"
"""Key in ``vaquero_meta``: the number of the last commit whose spans are in the roll-ups."""

BUCKETS_A_DOUBLING = 64
"""Buckets of the distribution between a duration and its double: scale 6."""

_AT_ONCE_SPANS = 50_000
"""Spans that one statement groups: each may be a group, and all must fit into the memory."""

_STORE = schema.CATALOG

_OF_SPANS = f"""
SELECT time_ns, service_name, name, kind, http_route, run_id,
       sum(calls)::UBIGINT AS calls, sum(errors)::UBIGINT AS errors, sum(sum_ns) AS sum_ns,
       min(min_ns) AS min_ns, max(max_ns) AS max_ns,
       (sum(calls) FILTER (bucket IS NULL))::UBIGINT AS zero_count,
       list(bucket ORDER BY bucket) FILTER (bucket IS NOT NULL) AS bucket_index,
       list(calls ORDER BY bucket) FILTER (bucket IS NOT NULL) AS bucket_count
FROM (
  SELECT start_ns - start_ns % {STEP_NS} AS time_ns, service_name, name, kind, http_route, run_id,
         CASE WHEN duration_ns > 0
              THEN (ceil(log2(duration_ns) * {BUCKETS_A_DOUBLING}) - 1)::SMALLINT END AS bucket,
         count(*)::UBIGINT AS calls, count(*) FILTER (status_code = 2) AS errors,
         sum(duration_ns)::HUGEINT AS sum_ns,
         min(duration_ns) AS min_ns, max(duration_ns) AS max_ns
  FROM {{spans}} WHERE {{which}}
  GROUP BY ALL)
GROUP BY time_ns, service_name, name, kind, http_route, run_id
"""
_ROLLED = f"(SELECT value::BIGINT FROM {{store}}vaquero_meta WHERE key = '{ROLLED_UP_TO}')"

VIEW = (
    "SELECT * FROM operation_rollups UNION ALL BY NAME "
    + _OF_SPANS.format(spans="spans", which=f"commit_number > {_ROLLED.format(store='')}")
)  # fmt: skip
"""What the view ``operations_10s`` is: the roll-ups, and what was committed since."""


def roll_up(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """Add the spans of all commits up to ``number`` that are not in yet; in a transaction."""
    which = f"commit_number > {_ROLLED.format(store=_STORE + '.')} AND commit_number <= {number}"
    _insert(connection, which, [])
    connection.execute(
        f"UPDATE {_STORE}.vaquero_meta SET value = ? WHERE key = '{ROLLED_UP_TO}'", [str(number)]
    )


def times_of(
    connection: duckdb.DuckDBPyConnection, condition: str, parameters: Sequence[object]
) -> list[int]:
    """The starts of the 10 s in which spans lie that meet a condition and are in the roll-ups."""
    rows = connection.execute(
        f"SELECT DISTINCT start_ns - start_ns % {STEP_NS} FROM {_STORE}.spans "
        f"WHERE {condition} AND commit_number <= {_ROLLED.format(store=_STORE + '.')}",
        list(parameters),
    ).fetchall()
    return [row[0] for row in rows]


def make_anew(connection: duckdb.DuckDBPyConnection, times: Collection[int]) -> None:
    """Make the roll-ups of these 10 s from the spans that are left; in a transaction.

    Least and greatest cannot be taken away again, so this is what follows a deletion. Where the
    spans are many it is done in parts; one operation and time may then have several rows.
    """
    if not times:
        return
    given = [list(times)]
    connection.execute(
        f"DELETE FROM {_STORE}.operation_rollups "
        "WHERE time_ns IN (SELECT unnest(?::BIGINT[]))", given
    )  # fmt: skip
    of_times = (
        f"commit_number <= {_ROLLED.format(store=_STORE + '.')} AND start_ns BETWEEN ? AND ? "
        f"AND start_ns - start_ns % {STEP_NS} IN (SELECT unnest(?::BIGINT[]))"
    )
    counted = connection.execute(
        f"SELECT start_ns - start_ns % {STEP_NS} AS time_ns, count(*) FROM {_STORE}.spans "
        f"WHERE {of_times} GROUP BY time_ns ORDER BY time_ns",
        [min(times), max(times) + STEP_NS - 1, *given],
    ).fetchall()
    for some, count in _parts(counted):
        parts = -(-count // _AT_ONCE_SPANS)
        for part in range(parts):
            which = f"{of_times} AND span_id % {parts} = {part}"
            _insert(connection, which, [some[0], some[-1] + STEP_NS - 1, some])


def _parts(counted: Sequence[tuple[int, int]]) -> Iterator[tuple[list[int], int]]:
    """Times with the number of their spans, as many together as one statement may group."""
    some: list[int] = []
    total = 0
    for time_ns, count in counted:
        if some and total + count > _AT_ONCE_SPANS:
            yield some, total
            some, total = [], 0
        some.append(time_ns)
        total += count
    if some:
        yield some, total


def _insert(
    connection: duckdb.DuckDBPyConnection, which: str, parameters: Sequence[object]
) -> None:
    names = ", ".join(name for name, _ in schema.ROLLUPS.columns)
    select = _OF_SPANS.format(spans=f"{_STORE}.spans", which=which)
    connection.execute(
        f"INSERT INTO {_STORE}.operation_rollups ({names}) {select} ORDER BY time_ns",
        list(parameters),
    )
