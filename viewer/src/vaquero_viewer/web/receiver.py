"""OTLP over HTTP: ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vaquero_viewer.errors import Busy, RequestError, Unsupported
from vaquero_viewer.otlp.batch import Batch
from vaquero_viewer.otlp.decode import JSON, PROTOBUF, decode
from vaquero_viewer.otlp.logs import read_logs
from vaquero_viewer.otlp.metrics import read_metrics
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store import Store
from vaquero_viewer.web.body import (
    MAX_BODY_BYTES,
    MAX_DECOMPRESSED_BYTES,
    decompress,
    read_body,
)

_DECODERS = 2
_MAX_BYTES_IN_FLIGHT = 256 * 2**20
_RETRY_AFTER_S = 1
_GRPC_CODES = {404: 12, 405: 12, 413: 8}


@dataclass(frozen=True)
class Signal:
    """What differs between the three kinds of telemetry."""

    request: type[Message]
    response: type[Message]
    read: Callable[[Any, int], Batch]
    rejected: str
    """Field of the partial success that counts."""


SIGNALS = {
    "/v1/traces": Signal(
        trace_service_pb2.ExportTraceServiceRequest,
        trace_service_pb2.ExportTraceServiceResponse,
        read_spans,
        "rejected_spans",
    ),
    "/v1/metrics": Signal(
        metrics_service_pb2.ExportMetricsServiceRequest,
        metrics_service_pb2.ExportMetricsServiceResponse,
        read_metrics,
        "rejected_data_points",
    ),
    "/v1/logs": Signal(
        logs_service_pb2.ExportLogsServiceRequest,
        logs_service_pb2.ExportLogsServiceResponse,
        read_logs,
        "rejected_log_records",
    ),
}


class Receiver:
    """Takes OTLP requests into a store; one bad request touches nothing else.

    A 200 is sent once the rows are committed. Its body is the message that OTLP asks for, in the
    content type of the request; an error has a ``google.rpc.Status`` there.

    Args:
        store: Where the rows go.
        health: What ``GET /api/health`` answers, asked anew each time.
    """

    def __init__(self, store: Store, health: Callable[[], dict[str, Any]]) -> None:
        self._store = store
        self._health = health
        self._decoders = anyio.CapacityLimiter(_DECODERS)
        self._bytes_in_flight = 0
        self.accepted_requests = 0
        self.refused_requests = 0

    def app(self) -> Starlette:
        """The application to serve."""
        routes = [Route(path, self._export, methods=["POST"]) for path in SIGNALS]
        routes.append(Route("/api/health", self._answer_health, methods=["GET"]))
        app = Starlette(
            routes=routes,
            exception_handlers={
                RequestError: self._refuse,
                HTTPException: self._refuse_http,
                Exception: self._fail,
            },
        )
        app.router.redirect_slashes = False
        return app

    async def _answer_health(self, _: Request) -> Response:
        return JSONResponse(self._health())

    async def _export(self, request: Request) -> Response:
        signal = SIGNALS[request.url.path]
        content_type = _content_type(request)
        if content_type not in (PROTOBUF, JSON):
            raise Unsupported(
                f"content type {content_type[:60]!r} is not supported: send {PROTOBUF} or {JSON}"
            )
        try:
            body = await read_body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        batch = await self._decode(request, signal, content_type, body)
        if batch.row_count:
            await asyncio.wrap_future(self._store.submit(batch))
        self.accepted_requests += 1
        return _success(signal, batch, content_type)

    async def _decode(
        self, request: Request, signal: Signal, content_type: str, body: bytes
    ) -> Batch:
        """The rows of a request; decompressing and parsing must not hold up the others."""
        encoding = request.headers.get("content-encoding", "").strip().lower()

        def work() -> Batch:
            # JSON takes many times its size in memory while it is read.
            limit = MAX_DECOMPRESSED_BYTES if content_type == PROTOBUF else MAX_BODY_BYTES
            plain = decompress(body, encoding, limit)
            message = decode(plain, signal.request, content_type)
            batch = signal.read(message, time.time_ns())
            batch.size_bytes = len(plain)
            return batch

        if self._bytes_in_flight and self._bytes_in_flight + len(body) > _MAX_BYTES_IN_FLIGHT:
            raise Busy("too many large requests at a time")
        self._bytes_in_flight += len(body)
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._decoders)
        finally:
            self._bytes_in_flight -= len(body)

    async def _refuse(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestError)
        self.refused_requests += 1
        headers = {"retry-after": str(_RETRY_AFTER_S)} if isinstance(error, Busy) else {}
        return _status(request, error.status, error.code, error.reason, headers)

    async def _refuse_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        self.refused_requests += 1
        paths = ", ".join(SIGNALS)
        reason = {
            404: f"there is no {request.url.path[:100]!r} here: OTLP has {paths}",
            405: f"{request.method} is not answered here: OTLP is sent by POST",
        }.get(error.status_code, error.detail)
        code = _GRPC_CODES.get(error.status_code, 3)
        return _status(request, error.status_code, code, reason, dict(error.headers or {}))

    async def _fail(self, request: Request, error: Exception) -> Response:
        self.refused_requests += 1
        return _status(request, 500, 13, f"the viewer failed: {type(error).__name__}", {})


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _success(signal: Signal, batch: Batch, content_type: str) -> Response:
    response: Any = signal.response()
    if batch.rejected:
        setattr(response.partial_success, signal.rejected, batch.rejected)
        response.partial_success.error_message = "; ".join(batch.reasons)
    if content_type == PROTOBUF:
        return Response(response.SerializeToString(), media_type=PROTOBUF)
    body: dict[str, Any] = {}
    if batch.rejected:
        name = response.partial_success.DESCRIPTOR.fields_by_name[signal.rejected].json_name
        # 64-bit integers are text in protobuf's JSON.
        message = response.partial_success.error_message
        body["partialSuccess"] = {name: str(batch.rejected), "errorMessage": message}
    return JSONResponse(body)


def _status(
    request: Request, status: int, code: int, reason: str, headers: dict[str, str]
) -> Response:
    """An error as ``google.rpc.Status``, in the content type of the request."""
    if _content_type(request) == PROTOBUF:
        text = reason.encode("utf-8", "replace")
        body = b"\x08" + bytes([code]) + b"\x12" + _varint(len(text)) + text
        return Response(body, status, headers, PROTOBUF)
    body = json.dumps({"code": code, "message": reason}).encode()
    return Response(body, status, headers, JSON)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
