"""One server span for each request, also with a FastAPI that makes none by itself."""

from __future__ import annotations

from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, StatusCode


class ServerSpan:
    """ASGI middleware: starts a server span where nobody around it has.

    Current releases of FastAPI make server spans by themselves once a provider is set, and so does
    ``opentelemetry-instrumentation-fastapi``. Where either does, this steps aside.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._tracer = trace.get_tracer("shop.server")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http" or trace.get_current_span().is_recording():
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        with self._tracer.start_as_current_span(
            scope["method"],
            propagate.extract(headers),
            SpanKind.SERVER,
            {
                "http.request.method": scope["method"],
                "url.path": scope["path"],
                "url.scheme": scope["scheme"],
            },
        ) as span:

            async def answer(message: Any) -> None:
                if message["type"] == "http.response.start":
                    _tell(span, scope, message["status"])
                await send(message)

            await self._app(scope, receive, answer)


def _tell(span: trace.Span, scope: Any, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    route = getattr(scope.get("route"), "path", None)
    if route:
        span.set_attribute("http.route", route)
        span.update_name(f"{scope['method']} {route}")
