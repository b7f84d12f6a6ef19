"""Queries over the roll-ups: counts and percentiles by operation and over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vaquero_viewer.store.model import SPAN_KINDS, RollupRow
from vaquero_viewer.store.reading import STORE, Reader, RowFilter, ms, word
from vaquero_viewer.store.rollups import BUCKETS_A_DOUBLING, STEP_NS

_QUANTILES = (0.5, 0.95, 0.99)

_COLUMNS = {
    "service": "service_name",
    "name": "name",
    "kind": "kind",
    "route": "http_route",
    "run": "run_id",
}

# Buckets are grouped by one number instead of by five columns, which takes half the time.
_READ = f"""
WITH chosen AS MATERIALIZED (
  SELECT *, hash({{keys}}) AS operation
  FROM (SELECT time_ns - time_ns % ? AS slot, * FROM {STORE}.operations_10s {{where}})),
totals AS (
  SELECT {{keys}}, any_value(operation) AS operation, sum(calls) AS calls,
         sum(errors) AS errors, sum(sum_ns)::DOUBLE AS total, min(min_ns) AS least,
         max(max_ns) AS most, sum(zero_count) AS zeros
  FROM chosen GROUP BY {{keys}}),
buckets AS (
  SELECT operation, list(i) AS i, list(n) AS n
  FROM (SELECT operation, i, sum(n)::UBIGINT AS n
        FROM (SELECT operation, unnest(bucket_index) AS i, unnest(bucket_count) AS n FROM chosen)
        GROUP BY operation, i)
  GROUP BY operation)
SELECT {{keys}}, calls, errors, total, least, most, zeros, i, n
FROM totals LEFT JOIN buckets USING (operation)
ORDER BY slot, total DESC, {{keys}} LIMIT {{limit}}
"""


def rollups(
    reader: Reader,
    *,
    since_ns: int | None,
    until_ns: int | None,
    step_s: int | None,
    service: str | None,
    run_id: str | None,
    by: Sequence[str],
    limit: int,
) -> list[RollupRow]:
    """Counts and percentiles by operation, and by stretch of time where ``step_s`` is given.

    Args:
        reader: Where to read.
        since_ns: Not before this; rounded down to 10 s.
        until_ns: Before this; rounded up to 10 s.
        step_s: Length of a stretch of time, a multiple of 10; ``None`` for all in one.
        service: Of this service only.
        run_id: Of this run only.
        by: What tells operations apart, of ``service``, ``name``, ``kind``, ``route``, ``run``.
        limit: At most so many rows.

    Raises:
        ValueError: If ``step_s`` or ``by`` cannot be used.
    """
    if step_s is not None and (step_s <= 0 or step_s % 10):
        raise ValueError(f"step_s={step_s} is invalid; valid: a multiple of 10 above 0")
    unknown = [name for name in by if name not in _COLUMNS]
    if unknown:
        raise ValueError(f"by={unknown[0]!r} is invalid; valid: {', '.join(_COLUMNS)}")
    chosen = (
        RowFilter()
        .add("time_ns >= ?", None if since_ns is None else since_ns - since_ns % STEP_NS)
        .add("time_ns < ?", until_ns)
        .add("service_name = ?", service)
        .add("run_id = ?", run_id)
    )
    columns = ["slot", *(_COLUMNS[name] for name in by)]
    query = _READ.format(
        where=chosen.where,
        keys=", ".join(columns),
        limit=int(limit),
    )
    # One stretch for all: longer than any time, which is a multiple of 10 s.
    step_ns = 2**63 - 1 if step_s is None else step_s * 10**9
    rows = reader.rows(query, [step_ns, *chosen.parameters])
    return [_row(row, by, step_s) for row in rows]


def _row(row: tuple[Any, ...], by: Sequence[str], step_s: int | None) -> RollupRow:
    slot, *keys, calls, errors, total, least, most, zeros, indexes, counts = row
    known = dict(zip(by, keys, strict=True))
    buckets: dict[int, int] = dict(zip(indexes or [], counts or [], strict=True))
    p50, p95, p99 = quantiles(buckets, int(zeros or 0), least, most, _QUANTILES)
    kind = known.get("kind")
    return RollupRow(
        time_ns=None if step_s is None else slot,
        service=known.get("service"),
        name=known.get("name"),
        kind=None if kind is None else word(SPAN_KINDS, kind),
        route=known.get("route"),
        run_id=known.get("run"),
        calls=int(calls),
        errors=int(errors),
        sum_ms=ms(total),
        min_ms=ms(least),
        max_ms=ms(most),
        p50_ms=ms(p50),
        p95_ms=ms(p95),
        p99_ms=ms(p99),
    )


def quantiles(
    buckets: Mapping[int, int], zeros: int, least: float, most: float, shares: Sequence[float]
) -> list[float]:
    """Quantiles of a histogram, between neighbours as DuckDB's ``quantile_cont`` has them.

    Args:
        buckets: Index of a bucket -> how many values lie in it.
        zeros: How many values are 0.
        least: The least of all values; it is known exactly.
        most: The greatest of all values; likewise.
        shares: Which quantiles, each from 0 to 1.

    Returns:
        A value for each of ``shares``, within 0.55 % of the true one.
    """
    steps: list[tuple[int, float]] = []
    reached = 0
    if zeros:
        reached = zeros
        steps.append((reached, 0.0))
    for index in sorted(buckets):
        reached += buckets[index]
        middle = 2.0 ** ((index + 0.5) / BUCKETS_A_DOUBLING)
        steps.append((reached, min(max(middle, least), most)))
    found: list[float] = []
    for share in shares:
        position = (reached - 1) * share
        below = _at(steps, math.floor(position), least, most, reached)
        above = _at(steps, math.ceil(position), least, most, reached)
        found.append(below + (above - below) * (position - math.floor(position)))
    return found


def _at(
    steps: Sequence[tuple[int, float]], rank: int, least: float, most: float, count: int
) -> float:
    """The value of a rank, counted from 0."""
    if rank <= 0:
        return least
    if rank >= count - 1:
        return most
    return next(value for reached, value in steps if rank < reached)
