"""Queries over metrics: series, newest values, points."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from vaquero_viewer.store.model import TEMPORALITIES, GaugeRow, Point, SeriesRow
from vaquero_viewer.store.reading import (
    STORE,
    Reader,
    RowFilter,
    json_list,
    json_object,
    word,
)

_SERIES_COLUMNS = (
    "s.series_id, s.service_name, s.name, s.unit, s.kind, s.temporality, s.monotonic, "
    "s.description, s.attributes, r.attributes"
)
_SERIES_FROM = (
    f"{STORE}.metric_series s LEFT JOIN {STORE}.resources r ON r.resource_id = s.resource_id"
)

_NEWEST = """
WITH newest AS (
  SELECT series_id, max(time_ns) AS time_ns, arg_max(value, time_ns) AS value
  FROM {store}.metric_points WHERE value IS NOT NULL AND NOT isnan(value)
  AND series_id IN (SELECT series_id FROM {store}.metric_series s {where})
  GROUP BY series_id)
SELECT {columns}, n.time_ns, n.value
FROM newest n JOIN {tables} ON s.series_id = n.series_id
ORDER BY s.name, s.service_name, s.attributes, s.series_id LIMIT {limit}
"""

_HISTORY = """
SELECT series_id, time_ns, value FROM {store}.metric_points
WHERE time_ns >= ? AND value IS NOT NULL AND NOT isnan(value)
AND series_id IN (SELECT unnest(?::UBIGINT[])) ORDER BY time_ns
"""


def series(
    reader: Reader, *, service: str | None, name: str | None, kind: str | None, limit: int
) -> list[SeriesRow]:
    """All metric series that meet the conditions, by name."""
    chosen = _choose(service, name, kind)
    query = (
        f"SELECT {_SERIES_COLUMNS} FROM {_SERIES_FROM} {chosen.where} "
        f"ORDER BY s.name, s.service_name, s.attributes, s.series_id LIMIT {int(limit)}"
    )
    return [_series(row) for row in reader.rows(query, chosen.parameters)]


def newest(
    reader: Reader,
    *,
    service: str | None,
    name: str | None,
    kind: str | None,
    history_s: float | None,
    limit: int,
) -> list[GaugeRow]:
    """The newest value of each series that has single values.

    Args:
        reader: Where to read.
        service: Of this service only.
        name: Of this metric only.
        kind: Of this kind only, usually ``gauge``.
        history_s: Also the points of so many seconds before the newest point of all.
        limit: At most so many series.
    """
    chosen = _choose(service, name, kind)
    query = _NEWEST.format(
        store=STORE,
        where=chosen.where,
        columns=_SERIES_COLUMNS,
        tables=_SERIES_FROM,
        limit=int(limit),
    )
    rows = reader.rows(query, chosen.parameters)
    history = _history(reader, rows, history_s) if history_s and rows else {}
    return [GaugeRow(_series(row), row[-2], row[-1], history.get(row[0], [])) for row in rows]


def _history(
    reader: Reader, rows: list[tuple[Any, ...]], history_s: float
) -> dict[int, list[tuple[int, float]]]:
    since = max(row[-2] for row in rows) - int(history_s * 1e9)
    ids = [row[0] for row in rows]
    history: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for series_id, time_ns, value in reader.rows(_HISTORY.format(store=STORE), [since, ids]):
        if math.isfinite(value):
            history[series_id].append((time_ns, value))
    return history


def points(
    reader: Reader,
    *,
    name: str,
    service: str | None,
    series_id: str | None,
    since_ns: int | None,
    limit: int,
) -> list[tuple[SeriesRow, list[Point]]]:
    """Series of one metric, each with its newest points in the order of time.

    Args:
        reader: Where to read.
        name: Name of the metric.
        service: Of this service only.
        series_id: This series only, as :class:`SeriesRow` has it.
        since_ns: Not older than this.
        limit: At most so many points a series.
    """
    found = series(reader, service=service, name=name, kind=None, limit=1000)
    chosen = [row for row in found if series_id in (None, row.series_id)]
    return [(row, _points(reader, row.series_id, since_ns, limit)) for row in chosen]


def _points(reader: Reader, series_id: str, since_ns: int | None, limit: int) -> list[Point]:
    chosen = RowFilter().add("series_id = ?", int(series_id, 16)).add("time_ns >= ?", since_ns)
    query = (
        "SELECT time_ns, start_ns, value, value_int, count, sum, min, max, detail, exemplars "
        f"FROM {STORE}.metric_points {chosen.where} ORDER BY time_ns DESC LIMIT {int(limit)}"
    )
    return [_point(row) for row in reversed(reader.rows(query, chosen.parameters))]


def _point(row: tuple[Any, ...]) -> Point:
    time_ns, start_ns, value, value_int, count, total, least, most, detail, exemplars = row
    return Point(
        time_ns=time_ns,
        start_ns=start_ns,
        value=value if value_int is None else value_int,
        count=count,
        sum=total,
        min=least,
        max=most,
        detail=json_object(detail) if detail else None,
        exemplars=json_list(exemplars),
    )


def _choose(service: str | None, name: str | None, kind: str | None) -> RowFilter:
    return (
        RowFilter()
        .add("s.service_name = ?", service)
        .add("s.name = ?", name)
        .add("s.kind = ?", kind)
    )


def _series(row: tuple[Any, ...]) -> SeriesRow:
    return SeriesRow(
        series_id=f"{row[0]:016x}",
        service=row[1],
        name=row[2],
        unit=row[3],
        kind=row[4],
        temporality=word(TEMPORALITIES, row[5]),
        monotonic=row[6],
        description=row[7],
        attributes=json_object(row[8]),
        resource=json_object(row[9]),
    )
