"""The views with the names of the Collector's ClickHouse exporter."""

from __future__ import annotations

import datetime
from pathlib import Path

import duckdb
import pytest
from vaquero_viewer import Store
from vaquero_viewer.otlp.logs import read_logs
from vaquero_viewer.otlp.metrics import read_metrics
from vaquero_viewer.otlp.spans import read_spans

_UTC = datetime.timezone.utc


@pytest.fixture
def ask(fresh, rows):
    """Runs a query on a store with the telemetry."""
    return lambda query: rows(fresh, query)


def test_slow_endpoints(ask):
    """The usual question: percentiles by service and span name, filtered by an attribute."""
    found = ask(
        "SELECT ServiceName, SpanName, SpanKind, count(*), max(Duration) / 1e6 FROM otel_traces "
        "WHERE SpanAttributes['http.route'] = '/x/{id}' "
        "AND ResourceAttributes['host.name'] = 'box' GROUP BY ALL ORDER BY ALL"
    )
    assert found == [("shop0", "GET /", "Server", 20, 38.0), ("shop1", "GET /", "Server", 20, 39.0)]


def test_one_trace(ask, make):
    """Ids are hexadecimal text, empty where there is none; times have all nine digits."""
    found = ask(
        "SELECT TraceId, SpanId, ParentSpanId, Timestamp::VARCHAR, StatusCode, TraceState, "
        "StatusMessage, ScopeName, ScopeVersion, SpanAttributes['n'], SpanAttributes['nan'] "
        f"FROM otel_traces WHERE TraceId = '{1:032x}' ORDER BY SpanId"
    )
    assert found[0] == (
        f"{1:032x}", f"{1:016x}", "", "2023-11-14 22:13:20", "Unset", "", "", "test", "", "0",
        "NaN",
    )  # fmt: skip
    assert found[1][2:5] == (f"{1:016x}", "2023-11-14 22:13:20", "Error")


def test_exceptions_of_spans(ask):
    """Events are lists beside each other, as ClickHouse's nested columns are."""
    found = ask(
        "SELECT Events.Name, Events.Attributes[2]['exception.type'], Events.Attributes[2]"
        "['exception.message'], Events.Timestamp[1] FROM otel_traces WHERE len(Events.Name) = 2 "
        "LIMIT 1"
    )
    time = datetime.datetime.fromtimestamp(1_700_000_000, _UTC).replace(tzinfo=None)
    assert found == [(["exception", "exception"], "app.Boom", "ä\0", time)]
    assert ask("SELECT DISTINCT Links.TraceId FROM otel_traces ORDER BY ALL") == [
        ([],), (["01" * 16],)
    ]  # fmt: skip
    found = ask("SELECT DISTINCT Links.SpanId, Links.TraceState, Links.Attributes FROM otel_traces")
    assert (["02" * 8], [""], [{}]) in found


def test_bounds_of_a_trace(ask):
    """The exporter's look-up table by trace id: when its first and last span started."""
    (found,) = ask(f"""SELECT * FROM otel_traces_trace_id_ts WHERE "TraceId" = '{2:032x}'""")
    assert found[1] == found[2] == datetime.datetime(2023, 11, 14, 22, 13, 20, 700_000)


def test_logs_of_a_trace(ask):
    """Log records by severity and trace, with body, attributes and event name."""
    found = ask(
        "SELECT Body, SeverityNumber, SeverityText, SpanId, TimestampTime::VARCHAR, TraceFlags "
        f"FROM otel_logs WHERE TraceId = '{1:032x}' AND SeverityNumber >= 9"
    )
    assert found == [("again", 9, "", "01" * 8, "2023-11-14 22:13:20", 0)]
    found = ask(
        "SELECT count(*), any_value(LogAttributes['n']) FROM otel_logs "
        "WHERE LogAttributes['exception.type'] = 'ValueError' AND TraceId = ''"
    )
    assert found == [(40, str(2**62))]
    assert ask("SELECT EventName FROM otel_logs WHERE EventName <> '' ORDER BY ALL") == [
        ("vaquero.run.end",), ("vaquero.run.start",)
    ]  # fmt: skip


def test_gauge(ask):
    """The course of a gauge."""
    found = ask(
        "SELECT TimeUnix, Value FROM otel_metrics_gauge WHERE MetricName = 'cpu' "
        "AND ServiceName = 'shop1' AND MetricUnit = '1' ORDER BY TimeUnix LIMIT 2"
    )
    assert [value for _, value in found] == [0.25, float("inf")]
    assert found[0][0] == datetime.datetime(2023, 11, 14, 22, 13, 21)


def test_sum(ask):
    """A counter with its temporality."""
    query = "SELECT MetricName, Value, AggregationTemporality, IsMonotonic FROM otel_metrics_sum"
    assert ask(query) == [("c", float(2**53), 2, True)]


def test_histogram(ask):
    """Buckets, bounds, least and greatest, exemplars with their trace."""
    found = ask(
        "SELECT Count, Sum, Min, Max, BucketCounts, ExplicitBounds, Attributes['http.route'], "
        "Exemplars.Value, Exemplars.TraceId, Exemplars.SpanId FROM otel_metrics_histogram"
    )
    assert found == [
        (3, 1.5, 0.1, 1.0, [1, 2, 0], [0.5, 1.0], "/x", [0.1], ["01" * 16], ["02" * 8])
    ]


def test_exponential_histogram(ask):
    """Scale, count of zeros and both halves."""
    found = ask(
        "SELECT Count, Scale, ZeroCount, PositiveOffset, PositiveBucketCounts, NegativeOffset, "
        "NegativeBucketCounts FROM otel_metrics_exponential_histogram"
    )
    assert found == [(3, 2, 1, -1, [1, 1], 0, [])]


def test_summary(ask):
    """Quantiles beside their values."""
    found = ask(
        "SELECT Count, Sum, ValueAtQuantiles.Quantile, ValueAtQuantiles.Value "
        "FROM otel_metrics_summary"
    )
    assert found == [(2, 3.0, [0.5], [1.25])]


def test_no_row_is_left_out(ask):
    """Each span, log record and metric point is in one view, once."""
    assert ask("SELECT count(*) FROM otel_traces") == ask("SELECT count(*) FROM spans")
    assert ask("SELECT count(*) FROM otel_logs") == ask("SELECT count(*) FROM logs")
    kinds = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
    counts = [ask(f"SELECT count(*) FROM otel_metrics_{kind}")[0][0] for kind in kinds]
    assert (sum(counts),) == ask("SELECT count(*) FROM metric_points")[0]


def test_views_work_under_another_name(file, old_file):
    """Opened by DuckDB itself, attached under any name, each view can be read."""
    Store(file).close()
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{file}' AS something (READ_ONLY)")
        names = connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE database_name = 'something'"
        ).fetchall()
        assert len(names) == 9
        for (name,) in names:
            connection.execute(f"SELECT * FROM something.{name} LIMIT 5").fetchall()


def test_changed_view_is_replaced(file: Path, rows):
    """Views of another program are replaced when this one opens the file to write."""
    Store(file).close()
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE OR REPLACE VIEW otel_logs AS SELECT 1 AS old")
        connection.execute("UPDATE vaquero_meta SET value = 'x' WHERE key = 'views'")
    Store(file).close()
    assert rows(file, "SELECT count(*) FROM otel_logs") == [(0,)]
    assert rows(file, "SELECT count(Body) FROM otel_logs") == [(0,)]


def test_point_without_a_value(make, rows):
    """A point that says that nothing was recorded has zeros and empty lists, as in ClickHouse."""
    request = make.gauge("g", (0, 1.0))
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    for kind in ("histogram", "exponential_histogram", "summary"):
        points = getattr(metrics.add(name=kind), kind).data_points
        points.add(time_unix_nano=make.now, flags=1)
    store = Store()
    try:
        store.submit(read_metrics(request, 1)).result(20)
        found = rows(store, "SELECT Count, BucketCounts, ExplicitBounds, Flags FROM "
                            "otel_metrics_histogram")  # fmt: skip
        assert found == [(0, [], [], 1)]
        found = rows(
            store,
            "SELECT Count, Scale, ZeroCount, PositiveOffset, PositiveBucketCounts, "
            "NegativeBucketCounts FROM otel_metrics_exponential_histogram",
        )
        assert found == [(0, 0, 0, 0, [], [])]
        found = rows(store, "SELECT Count, Sum, ValueAtQuantiles.Value FROM otel_metrics_summary")
        assert found == [(0, 0.0, [])]
    finally:
        store.close()


_LAST_NS = 2**63 - 1


def test_one_odd_record_spoils_no_view(make, rows):
    """Values that OTLP can carry and a column here cannot hold are brought to its bounds."""
    store = Store()
    spans = make.spans({})
    span = spans.resource_spans[0].scope_spans[0].spans[0]
    span.kind, span.status.code = 255, 255
    span.start_time_unix_nano = span.end_time_unix_nano = _LAST_NS
    for time_ns in (2**64 - 1, _LAST_NS, 1):
        span.events.add(name="e", time_unix_nano=time_ns)
    logs = make.logs("low", "high")
    records = logs.resource_logs[0].scope_logs[0].log_records
    records[0].severity_number, records[1].severity_number = -1, 300
    records[1].time_unix_nano = _LAST_NS
    gauge = make.gauge("g", (0, 1.0))
    point = gauge.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
    point.time_unix_nano = point.start_time_unix_nano = _LAST_NS
    point.exemplars.add(time_unix_nano=2**64 - 1, as_double=1)
    batches = (read_spans(spans, 1), read_logs(logs, 1), read_metrics(gauge, 1))
    try:
        for batch in batches:
            store.submit(batch).result(20)

        last = datetime.datetime(2262, 4, 11, 23, 47, 16, 854775)
        (trace,) = rows(store, "SELECT SpanKind, StatusCode, Timestamp, Events.Timestamp FROM "
                               "otel_traces")  # fmt: skip
        assert trace == ("Unspecified", "Unset", last, [last, last, datetime.datetime(1970, 1, 1)])
        assert rows(store, 'SELECT Start, "End" FROM otel_traces_trace_id_ts') == [(last, last)]
        found = rows(store, "SELECT SeverityNumber, Timestamp FROM otel_logs ORDER BY ALL")
        assert [row[0] for row in found] == [0, 255]
        assert found[1][1] == last
        found = rows(store, "SELECT TimeUnix, StartTimeUnix, Exemplars.TimeUnix FROM "
                            "otel_metrics_gauge")  # fmt: skip
        assert found == [(last, last, [last])]
    finally:
        store.close()
