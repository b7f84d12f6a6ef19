"""What the tests of the store share: telemetry, a file of version 1 with it, raw rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from vaquero_viewer.otlp.batch import Batch
from vaquero_viewer.otlp.logs import read_logs
from vaquero_viewer.otlp.metrics import read_metrics
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store import Store
from vaquero_viewer.store.insertion import Inserter
from vaquero_viewer.store.opening import Database
from vaquero_viewer.store.retention import Retention

SCHEMA_V1 = Path(__file__).with_name("schema_v1.sql")
WIDTHS_V1 = {
    "resources": 4, "scopes": 5, "spans": 22, "metric_series": 12, "metric_points": 13, "logs": 15,
}  # fmt: skip
"""Columns of each table of version 1; later versions add theirs behind them."""


def batches(make: SimpleNamespace, number: int = 40) -> list[Batch]:
    """Requests of all signals, of three runs, with all that has a column of its own."""
    now = time.time_ns()
    made: list[Batch] = []
    for index in range(number):
        received = now - (number - index) * 10**9
        resource: dict[str, Any] = {"host.name": "box", "service.version": "1"}
        if index % 3:
            resource["service.instance.id"] = f"i{index % 3}"
        if index % 3 == 2:
            resource["vaquero.run.id"] = "r2"
            resource["process.command_line"] = "python app.py"
        service = f"shop{index % 2}"
        request = make.spans(
            {"trace": index + 1, "id": 1, "name": "GET /", "kind": 2, "ms": index, "start_ms": index
             * 700, "attributes": {"http.route": "/x/{id}", "n": index, "nan": float("nan")}},
            {"trace": index + 1, "id": 2, "parent": 1, "name": "SELECT", "kind": 3, "ms": 0.5,
             "start_ms": index * 700, "status": 2 * (index % 5 == 0),
             "attributes": {"db.query.text": f"SELECT a FROM t WHERE b = {index}",
                            "server.address": "db", "http.route": 5}},
            {"trace": index + 1, "id": 3, "parent": 1, "ms": 0, "start_ms": index * 700,
             "attributes": {"db.statement": f"GET key{index}", "db.system": "redis",
                            "db.query.text": "", "net.peer.name": "cache"}},
            service=service, **resource,
        )  # fmt: skip
        spans = request.resource_spans[0].scope_spans[0].spans
        for kind in ("KeyError", "app.Boom"):
            event = spans[0].events.add(name="exception", time_unix_nano=make.now)
            make.attributes(event, {"exception.type": kind, "exception.message": "ä\0"})
        spans[1].events.add(name="retry").time_unix_nano = make.now
        spans[1].links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8)
        made.append(read_spans(request, received))
        logs = make.logs(f"line {index}", "again", service=service)
        records = logs.resource_logs[0].scope_logs[0].log_records
        make.attributes(records[0], {"exception.type": "ValueError", "n": 2**62})
        records[1].trace_id, records[1].span_id = (index + 1).to_bytes(16, "big"), b"\1" * 8
        made.append(read_logs(logs, received))
        gauge = make.gauge("cpu", (index, 0.25), (index + 1, float("inf")), service=service)
        made.append(read_metrics(gauge, received))
    events = make.logs("", "", service="shop0")
    for record, name in zip(
        events.resource_logs[0].scope_logs[0].log_records,
        ("vaquero.run.start", "vaquero.run.end"),
        strict=True,
    ):
        record.event_name = name
        record.time_unix_nano = make.now + (name == "vaquero.run.end") * 10**9
        said = {"vaquero.run.command": "app.py --fast", "vcs.ref.head.revision": "abc"}
        make.attributes(record, {"vaquero.run.id": "r2", "process.exit.code": 3, **said})
    made.append(read_logs(events, now))
    made.append(read_metrics(_histograms(make), now))
    return made


def _histograms(make: SimpleNamespace) -> Any:
    request = ExportMetricsServiceRequest()
    metrics = make.scope("metrics", request, "shop0", {}).metrics
    point = metrics.add(name="h", unit="s").histogram.data_points.add(
        time_unix_nano=make.now, count=3, sum=1.5, min=0.1, max=1.0
    )
    point.explicit_bounds.extend((0.5, 1))
    point.bucket_counts.extend((1, 2, 0))
    exemplar = point.exemplars.add(time_unix_nano=make.now, as_double=0.1)
    exemplar.trace_id, exemplar.span_id = b"\1" * 16, b"\2" * 8
    make.attributes(point, {"http.route": "/x"})
    exponential = metrics.add(name="e").exponential_histogram.data_points.add(
        time_unix_nano=make.now, count=3, sum=5, scale=2, zero_count=1
    )
    exponential.positive.offset = -1
    exponential.positive.bucket_counts.extend((1, 1))
    summary = metrics.add(name="s").summary.data_points.add(time_unix_nano=make.now, count=2, sum=3)
    summary.quantile_values.add(quantile=0.5, value=1.25)
    counter = metrics.add(name="c").sum
    counter.is_monotonic, counter.aggregation_temporality = True, 2
    counter.data_points.add(time_unix_nano=make.now, as_int=2**53 + 1)
    return request


def write_v1(path: Path, made: Iterable[Batch]) -> None:
    """A file of version 1 with these requests, as version 1 wrote it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA_V1.read_text())
        seen: set[tuple[str, Any]] = set()
        for batch in made:
            groups: dict[str, dict[Any, Any]] = {
                "resources": batch.resources, "scopes": batch.scopes, "spans": batch.spans,
                "metric_series": batch.series, "metric_points": batch.points, "logs": batch.logs,
            }  # fmt: skip
            for table, rows in groups.items():
                new = [row for key, row in rows.items() if (table, key) not in seen]
                seen.update((table, key) for key in rows)
                if new:
                    width = WIDTHS_V1[table]
                    kinds = connection.execute(
                        "SELECT data_type FROM duckdb_columns() WHERE table_name = ? "
                        "ORDER BY column_index", [table]
                    ).fetchall()  # fmt: skip
                    assert len(kinds) == width
                    values = ", ".join(f"unnest(?::{kind}[])" for (kind,) in kinds)
                    columns = [list(column) for column in zip(*new, strict=True)][:width]
                    connection.execute(f"INSERT INTO {table} SELECT {values}", columns)


def raw(path_or_store: Any, query: str, parameters: Iterable[Any] = ()) -> list[Any]:
    """The rows of a query on the tables of an open store, or of a file that nobody has open."""
    if not isinstance(path_or_store, Path):
        cursor = path_or_store._database.connection.cursor()
        cursor.execute("USE store")
        return cursor.execute(query, list(parameters)).fetchall()
    with duckdb.connect(str(path_or_store), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


@pytest.fixture
def telemetry(make: SimpleNamespace) -> list[Batch]:
    """Requests of all signals."""
    return batches(make)


@pytest.fixture
def rows() -> Callable[..., list[Any]]:
    """Reads rows of a store or a file."""
    return raw


@pytest.fixture
def make_v1() -> Callable[..., None]:
    """Writes files of version 1."""
    return write_v1


@pytest.fixture
def old_file(file: Path, telemetry: list[Batch]) -> Path:
    """A file of version 1 with the telemetry."""
    write_v1(file, telemetry)
    return file


@pytest.fixture
def bare() -> Iterable[SimpleNamespace]:
    """Database, inserter and retention without the writer's thread: the test says what is when."""
    database = Database(None, memory_limit_bytes=256 * 2**20)
    yield SimpleNamespace(
        database=database,
        connection=database.connection,
        inserter=Inserter(database),
        retention=Retention(database, max_size_bytes=2**30, max_age_s=0.0),
        _database=database,
    )
    database.close()


@pytest.fixture
def fresh(telemetry: list[Batch], tmp_path: Path) -> Iterable[Store]:
    """A new store that took the telemetry as it arrived, closed and opened to be read only."""
    path = tmp_path / "fresh.duckdb"
    store = Store(path)
    for done in [store.submit(batch) for batch in telemetry]:
        done.result(30)
    store.close()
    store = Store(path, read_only=True)
    yield store
    store.close()
