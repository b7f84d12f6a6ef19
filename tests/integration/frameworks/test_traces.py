"""Real programs on real servers: their traces, and those that upstream's distribution makes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .runs import UPSTREAM, App, Traces, drive
from .traces import comparable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]

ORDER = "/orders/7"

APPS = [
    App(
        "flask_app",
        frozenset({"flask", "sqlalchemy", "psycopg", "redis", "requests"}),
        {ORDER: 200, "/fail": 500, "/teapot": 418, "/nowhere": 404},
    ),
    App(
        "django_app",
        frozenset({"django", "sqlite3", "urllib3"}),
        {ORDER: 200, "/fail": 500, "/nowhere": 404},
    ),
    App(
        "fastapi_app",
        frozenset({"fastapi", "psycopg", "httpx"}),
        {ORDER: 200, "/fail": 500, "/teapot": 418, "/nowhere": 404},
    ),
    App(
        "starlette_app",
        frozenset({"starlette", "sqlalchemy", "sqlite3", "redis", "grpc"}),
        {ORDER: 200, "/fail": 500, "/nowhere": 404},
    ),
    App(
        "aiohttp_app",
        frozenset({"aiohttp_server", "aiohttp_client", "redis"}),
        {ORDER: 200, "/fail": 500, "/nowhere": 404},
    ),
    App(
        "celery_app",
        frozenset({"flask", "celery", "psycopg"}),
        {ORDER: 200, "/fail": 500},
        worker=True,
    ),
]


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_traces_are_those_of_upstream(
    app: App, ours: Path, theirs: Path, database: str, neighbour: str
) -> None:
    """By either launcher: one trace with every kind of span, equal to upstream's in all it says."""
    launcher = str(ours / "opentelemetry-instrument")
    # What upstream needs to be told, and vaquero does by itself.
    upstream = UPSTREAM | {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
        "DJANGO_SETTINGS_MODULE": "django_settings",
    }
    with ThreadPoolExecutor(3) as pool:
        runs = [
            pool.submit(drive, app, [str(ours / "vaquero"), "run"], ours, database, neighbour),
            pool.submit(drive, app, [launcher], ours, database, neighbour),
            pool.submit(
                drive,
                app,
                [str(theirs / "opentelemetry-instrument")],
                theirs,
                database,
                neighbour,
                **upstream,
            ),
        ]
        by_run, by_launcher, expected = [run.result() for run in runs]
    for traces in (by_run, by_launcher):
        assert_equal(app, traces, expected)


def assert_equal(app: App, traces: Traces, expected: Traces) -> None:
    """Every request's trace says the same."""
    for path in app.paths:
        got, wanted = traces.comparable(path), expected.comparable(path)
        missing, more = wanted - got, got - wanted
        assert not missing and not more, "\n".join(
            [f"{app.name} {path}", "MISSING", *missing, "MORE", *more]
        )


CLIENTS = frozenset({"sqlite3", "urllib3", "grpc"})
PLAIN = App("wsgi_app", CLIENTS | {"wsgi"}, {ORDER: 200, "/fail": 500, "/nowhere": 404})
SERVERS = {
    "gunicorn": ("gunicorn", "wsgi_app:app", "-b", "127.0.0.1:{port}", "--no-control-socket"),
    "waitress": ("waitress", "--listen=127.0.0.1:{port}", "wsgi_app:app"),
}


def test_a_plain_application_has_what_upstream_leaves_out(
    ours: Path, theirs: Path, database: str, neighbour: str
) -> None:
    """A server span holds the trace together; all other spans are upstream's, which hang loose."""
    launcher = str(theirs / "opentelemetry-instrument")
    loose = replace(PLAIN, scopes=CLIENTS, in_one=False)
    upstream = UPSTREAM | {"OTEL_SEMCONV_STABILITY_OPT_IN": "http,database"}
    with ThreadPoolExecutor(2) as pool:
        run = pool.submit(drive, PLAIN, [str(ours / "vaquero"), "run"], ours, database, neighbour)
        other = pool.submit(drive, loose, [launcher], theirs, database, neighbour, **upstream)
        traces, expected = run.result(), other.result()
    assert [_server(traces, path) for path in PLAIN.paths] == [
        ("GET", ORDER, 200),
        ("GET", "/fail", None),
        ("GET", "/nowhere", 404),
    ]
    assert {span.scope for span in expected.everything} == CLIENTS
    rest = [span for span in traces.everything if span.scope != "wsgi"]
    assert comparable(rest, {}, ancestors=False) == comparable(
        expected.everything, {}, ancestors=False
    )


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_a_plain_application_under_a_server(
    server: str, ours: Path, database: str, neighbour: str
) -> None:
    """Its application makes server spans too, with every other span in their traces."""
    app = replace(PLAIN, words=("-m", *SERVERS[server]))
    traces = drive(app, [str(ours / "vaquero"), "run"], ours, database, neighbour)
    assert _server(traces, ORDER) == ("GET", ORDER, 200)
    assert {span.scope for span in traces.by_path[ORDER]} == PLAIN.scopes


def test_conventions_and_switches_are_the_users(
    ours: Path, database: str, neighbour: str, tmp_path: Path
) -> None:
    """Both generations of names where asked for, and no span of a library that is switched off."""
    (tmp_path / "pyproject.toml").write_text("[tool.vaquero.instrumentations]\nredis = false\n")
    flask = APPS[0]
    traces = drive(
        replace(flask, scopes=flask.scopes - {"redis"}),
        [str(ours / "vaquero"), "run"],
        ours,
        database,
        neighbour,
        cwd=tmp_path,
        OTEL_SEMCONV_STABILITY_OPT_IN="http/dup",
    )
    spans = {span.scope: span.attributes for span in traces.by_path[ORDER]}
    assert {"http.method", "http.request.method"} <= set(spans["flask"])
    assert "db.statement" in spans["psycopg"]
    assert "db.query.text" not in spans["psycopg"]
    assert "redis" not in spans


def _server(traces: Traces, path: str) -> tuple[str, object, object]:
    """Name, path and status of the one server span of a request."""
    (span,) = [span for span in traces.by_path[path] if span.scope == "wsgi"]
    assert span.kind == "SERVER"
    attributes = span.attributes
    return span.name, attributes.get("url.path"), attributes.get("http.response.status_code")
