"""The JSON API and the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import vaquero_viewer

STATIC = Path(vaquero_viewer.__file__).parent / "web" / "static"


@pytest.fixture
def filled(client, make):
    """Two services, an error, a gauge and a log record."""
    client.send(
        make.spans(
            {"trace": 1, "id": 1, "name": "GET /", "kind": 2, "ms": 100},
            {
                "trace": 1,
                "id": 2,
                "parent": 1,
                "name": "SELECT",
                "kind": 3,
                "ms": 40,
                "start_ms": 10,
            },
            {
                "trace": 2,
                "id": 3,
                "name": "GET /",
                "kind": 2,
                "ms": 300,
                "status": 2,
                "start_ms": 5000,
            },
        )
    )
    client.send(make.spans({"trace": 3, "id": 4, "name": "job", "ms": 50}, service="worker"))
    client.send(make.gauge("cpu", (1, 0.25), (2, 0.5), mode="user"))
    client.send(make.logs("hello"))
    return client


def test_services(filled):
    """Each service with its spans, errors, series and log records."""
    rows = {row["name"]: row for row in filled.get("/api/services").json["services"]}
    assert (rows["shop"]["spans"], rows["shop"]["errors"]) == (3, 1)
    assert (rows["shop"]["metric_series"], rows["shop"]["logs"]) == (1, 1)
    assert rows["worker"]["spans"] == 1


def test_operations(filled):
    """Count, share of errors and percentiles in milliseconds, most time first."""
    rows = filled.get("/api/operations?service=shop").json["operations"]
    assert [row["name"] for row in rows] == ["GET /", "SELECT"]
    assert (rows[0]["count"], rows[0]["error_share"], rows[0]["kind"]) == (2, 0.5, "server")
    assert (rows[0]["p50_ms"], rows[0]["p99_ms"], rows[0]["max_ms"]) == (200, 298, 300)
    assert rows[0]["total_ms"] == 400


def test_since(filled, make):
    """since= leaves out what started earlier, given as an age or as nanoseconds."""
    later = make.now + 10**9
    rows = filled.get(f"/api/operations?since={later}").json["operations"]
    assert [(row["name"], row["count"]) for row in rows] == [("GET /", 1)]
    assert filled.get("/api/operations?since=15m").json["operations"] == []


def test_lists_of_traces(filled):
    """Newest or slowest first; by service, by operation, and only those that failed."""

    def ids(query: str) -> list[int]:
        return [
            int(row["trace_id"], 16) for row in filled.get(f"/api/traces?{query}").json["traces"]
        ]

    assert ids("order=recent")[0] == 2
    assert ids("order=slowest") == [2, 1, 3]
    assert ids("order=slowest&limit=1") == [2]
    assert ids("service=worker") == [3]
    assert ids("operation=SELECT") == [1]
    assert ids("errors=1") == [2]
    row = filled.get("/api/traces?operation=SELECT").json["traces"][0]
    assert (row["name"], row["span_count"], row["duration_ms"]) == ("GET /", 2, 100)


def test_one_trace(filled, make):
    """The whole tree in order, with depth, offset and own time; times in nanoseconds are text."""
    trace = filled.get(f"/api/traces/{1:032x}").json
    outer, inner = trace["spans"]
    assert (outer["name"], outer["depth"], outer["self_ms"]) == ("GET /", 0, 60)
    assert (inner["name"], inner["depth"], inner["offset_ms"]) == ("SELECT", 1, 10)
    assert (trace["duration_ms"], trace["start_ns"]) == (100, str(make.now))


def test_gauges_and_series(filled):
    """Newest values with history, the list of series, and the points of one metric."""
    (gauge,) = filled.get("/api/gauges").json["gauges"]
    assert (gauge["value"], gauge["series"]["name"]) == (0.5, "cpu")
    assert [value for _, value in gauge["history"]] == [0.25, 0.5]
    (series,) = filled.get("/api/metrics").json["series"]
    assert (series["unit"], series["attributes"]) == ("1", {"mode": "user"})
    (found,) = filled.get("/api/metrics/series?name=cpu").json["series"]
    assert [point["value"] for point in found["points"]] == [0.25, 0.5]


def test_logs_and_stats(filled):
    """Log records, and how much the store holds and took."""
    (log,) = filled.get("/api/logs?contains=HELL").json["logs"]
    assert log["body"] == "hello"
    stats = filled.get("/api/stats").json
    assert (stats["store"]["spans"], stats["store"]["logs"]) == (4, 1)
    assert stats["requests_accepted"] >= 4


def test_bad_requests_are_counted(client):
    """Refused requests show in the statistics."""
    before = client.get("/api/stats").json["requests_refused"]
    client.post("/v1/traces", b"?")
    assert client.get("/api/stats").json["requests_refused"] == before + 1


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/api/operations?since=soon", "15m"),
        ("/api/traces?order=fastest", "recent or slowest"),
        ("/api/traces?limit=0", "from 1 to 1000"),
        ("/api/traces?limit=9999999999", "from 1 to 1000"),
        ("/api/traces?errors=maybe", "1 or 0"),
        ("/api/metrics/series", "name of a metric"),
        ("/api/logs?contains=" + "x" * 501, "500 characters"),
        ("/api/logs?min_severity=25", "from 1 to 24"),
    ],
)
def test_bad_parameter(client, path, word):
    """A parameter that cannot be used is named, with what would do."""
    reply = client.get(path)
    assert reply.status == 400
    assert word in reply.json["error"]


@pytest.mark.parametrize(
    "path", ["/none", "/api/traces/xyz", f"/api/traces/{9:032x}", "/../api.py"]
)
def test_what_is_not_there(client, path):
    """Unknown pages and traces are 404 with a reason."""
    reply = client.get(path)
    assert (reply.status, "error" in reply.json) == (404, True)


def test_only_get(client):
    """Nothing can be changed through the page's port."""
    reply = client.request("POST", "/api/traces", b"", web=True)
    assert (reply.status, "GET" in reply.headers["allow"]) == (405, True)


def test_sql_in_parameters_is_text(filled):
    """A parameter full of SQL finds nothing and harms nothing."""
    hostile = "shop'%20OR%201=1;%20DROP%20TABLE%20spans;--"
    assert filled.get(f"/api/operations?service={hostile}").json["operations"] == []
    assert filled.get("/api/stats").json["store"]["spans"] == 4


def test_empty_store_answers_everything(client):
    """Before the first data each question has an empty answer."""
    for path, key in (("services", "services"), ("operations", "operations"), ("traces", "traces"),
                      ("gauges", "gauges"), ("metrics", "series"), ("logs", "logs")):  # fmt: skip
        assert client.get(f"/api/{path}").json[key] == []
    assert client.viewer.store.slowest_trace() is None


def test_page_is_served_with_a_strict_policy(client):
    """The page, its style and each script it names are there; nothing inline could run."""
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = page.body.decode()
    names = set(re.findall(r'(?:src|href)="(/[^"]+)"', text))
    scripts = {path.name: path.read_text() for path in STATIC.glob("*.js")}
    for source in scripts.values():
        names |= set(re.findall(r'from "(/[^"]+)"', source))
    assert "/dom.js" in names
    for name in names:
        assert client.get(name).status == 200, name
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|https?://", text)


def test_scripts_never_make_markup_of_text():
    """No script uses a way by which text of telemetry could become HTML or code."""
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc"
    for path in STATIC.glob("*.js"):
        assert not re.search(ways, path.read_text()), path.name
