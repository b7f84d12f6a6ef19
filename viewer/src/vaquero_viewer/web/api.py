"""The JSON API and the page: all that a browser may ask.

Integers beyond 2**53 (all times in nanoseconds) are text, as in OTLP/JSON: JavaScript would round
them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vaquero_viewer.store import Store
from vaquero_viewer.store.traces import Order
from vaquero_viewer.web import parameters

_STATIC = Path(__file__).with_name("static")
_PAGES = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_SCRIPTS = tuple(sorted(path.name for path in _STATIC.glob("*.js")))
_EXACT_IN_JAVASCRIPT = 2**53

Answer = Callable[[Request], Any]


class Api:
    """Answers questions about a store.

    Args:
        store: What is asked.
        health: What ``/api/health`` answers.
        stats: What ``/api/stats`` answers beside the counts of the store.
    """

    def __init__(
        self,
        store: Store,
        health: Callable[[], dict[str, Any]],
        stats: Callable[[], dict[str, Any]],
    ) -> None:
        self._store = store
        self._health = health
        self._stats = stats

    def app(self) -> Starlette:
        """The application to serve."""
        answers: Mapping[str, Answer] = {
            "/api/health": lambda _: self._health(),
            "/api/stats": self._answer_stats,
            "/api/services": lambda _: {"services": self._store.services()},
            "/api/operations": self._answer_operations,
            "/api/traces": self._answer_traces,
            "/api/traces/{trace_id}": self._answer_trace,
            "/api/gauges": self._answer_gauges,
            "/api/metrics": self._answer_metrics,
            "/api/metrics/series": self._answer_points,
            "/api/logs": self._answer_logs,
        }
        routes: list[BaseRoute] = [
            Route(path, _endpoint(answer), methods=["GET"]) for path, answer in answers.items()
        ]
        pages = _PAGES | {f"/{name}": (name, "text/javascript") for name in _SCRIPTS}
        routes += [Route(path, _file(*page), methods=["GET"]) for path, page in pages.items()]
        app = Starlette(
            routes=routes,
            exception_handlers={
                parameters.BadParameter: _explain(400),
                duckdb.Error: _explain(500),
                HTTPException: _explain_http,
            },
        )
        app.router.redirect_slashes = False
        return app

    def _answer_stats(self, _: Request) -> Any:
        return {"store": self._store.counts(), "version": self._store.version, **self._stats()}

    def _answer_operations(self, request: Request) -> Any:
        rows = self._store.operations(
            parameters.text(request, "service"),
            parameters.since_ns(request),
            limit=parameters.whole(request, "limit", 200, 2000),
        )
        return {"operations": rows}

    def _answer_traces(self, request: Request) -> Any:
        rows = self._store.traces(
            order=cast("Order", parameters.choice(request, "order", ("recent", "slowest"))),
            service=parameters.text(request, "service"),
            operation=parameters.text(request, "operation"),
            errors_only=parameters.flag(request, "errors"),
            since_ns=parameters.since_ns(request),
            limit=parameters.whole(request, "limit", 50, 1000),
        )
        return {"traces": rows}

    def _answer_trace(self, request: Request) -> Any:
        trace_id = request.path_params["trace_id"]
        trace = self._store.trace(trace_id, limit=parameters.whole(request, "limit", 2000, 100_000))
        if trace is None:
            raise HTTPException(404, f"there is no trace {trace_id[:64]!r} in the store")
        return trace

    def _answer_gauges(self, request: Request) -> Any:
        kind = parameters.choice(request, "kind", ("gauge", "sum", "any"))
        rows = self._store.gauges(
            service=parameters.text(request, "service"),
            name=parameters.text(request, "name"),
            kind=None if kind == "any" else kind,
            history_s=parameters.whole(request, "history", 300, 86400),
            limit=parameters.whole(request, "limit", 500, 2000),
        )
        return {"gauges": rows}

    def _answer_metrics(self, request: Request) -> Any:
        rows = self._store.series(
            service=parameters.text(request, "service"),
            name=parameters.text(request, "name"),
            kind=parameters.text(request, "kind"),
            limit=parameters.whole(request, "limit", 1000, 10_000),
        )
        return {"series": rows}

    def _answer_points(self, request: Request) -> Any:
        name = parameters.text(request, "name")
        if name is None:
            raise parameters.BadParameter("name", "", "the name of a metric")
        found = self._store.points(
            name,
            service=parameters.text(request, "service"),
            series_id=parameters.text(request, "series_id"),
            since_ns=parameters.since_ns(request),
            limit=parameters.whole(request, "limit", 500, 10_000),
        )
        return {"series": [{"series": series, "points": points} for series, points in found]}

    def _answer_logs(self, request: Request) -> Any:
        rows = self._store.logs(
            service=parameters.text(request, "service"),
            min_severity=parameters.whole(request, "min_severity", 1, 24)
            if "min_severity" in request.query_params
            else None,
            contains=parameters.text(request, "contains"),
            trace_id=parameters.text(request, "trace_id"),
            since_ns=parameters.since_ns(request),
            limit=parameters.whole(request, "limit", 200, 5000),
        )
        return {"logs": rows}


def jsonable(value: Any) -> Any:
    """A value as a browser can read it without loss: see the module's text."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < _EXACT_IN_JAVASCRIPT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in cast("dict[Any, Any]", value).items()}
    if is_dataclass(value) and not isinstance(value, type):
        return jsonable(asdict(value))
    return str(value)


def _endpoint(answer: Answer) -> Callable[[Request], Response]:
    """A plain function: Starlette runs it in a thread, where a query holds up nobody."""

    def endpoint(request: Request) -> Response:
        text = json.dumps(jsonable(answer(request)), ensure_ascii=False, separators=(",", ":"))
        body = text.encode("utf-8", "replace")
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    return endpoint


def _file(name: str, media_type: str) -> Callable[[Request], Response]:
    def endpoint(_: Request) -> Response:
        headers = {"cache-control": "no-cache"}
        return FileResponse(_STATIC / name, media_type=media_type, headers=headers)

    return endpoint


def _explain(status: int) -> Callable[[Request, Exception], Response]:
    def explain(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error).strip().splitlines()[0]}, status)

    return explain


def _explain_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = error.detail
    if error.status_code == 405:
        reason = f"{request.method} is not answered here: only GET is"
    return JSONResponse({"error": reason}, error.status_code, headers=error.headers)
