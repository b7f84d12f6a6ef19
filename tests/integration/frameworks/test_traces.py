"""Real programs on real servers: their traces, and those that upstream's distribution makes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from .runs import UPSTREAM, App, Traces, drive

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.servers, pytest.mark.slow]

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
