"""Real instrumentations make the same spans on our provider as on the SDK's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support import servers
from vaquero.tracing import TracerProvider

Scenario = Callable[[SdkTracerProvider], None]

pytestmark = pytest.mark.filterwarnings("ignore")  # Warnings of the libraries are not ours.


def spans_of(kind: type[SdkTracerProvider], scenario: Scenario) -> Any:
    """The scenario's spans as one OTLP message, without ids, times and stack traces."""
    exporter = InMemorySpanExporter()
    provider = kind(resource=Resource({"service.name": "x"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("outer"):
        scenario(provider)
    return comparable(encode_spans(exporter.get_finished_spans()))


def comparable(request: Any) -> Any:
    """Ids become numbers in the order in which they appear; times and stack traces are dropped."""
    seen: dict[bytes, bytes] = {}

    def number(identity: bytes) -> bytes:
        return seen.setdefault(identity, str(len(seen)).encode()) if identity else b""

    scopes = [scope for whole in request.resource_spans for scope in whole.scope_spans]
    for scope in scopes:
        scope.spans.sort(key=lambda span: span.start_time_unix_nano)
        for span in scope.spans:
            span.trace_id, span.span_id = number(span.trace_id), number(span.span_id)
            span.parent_span_id = number(span.parent_span_id)
            span.start_time_unix_nano = span.end_time_unix_nano = 0
            for owner in (span, *span.events, *span.links):
                kept = [item for item in owner.attributes if item.key != "exception.stacktrace"]
                del owner.attributes[:]
                owner.attributes.extend(sorted(kept, key=lambda item: item.key))
            for event in span.events:
                event.time_unix_nano = 0
    return request


def assert_same(scenario: Scenario, least: int) -> None:
    """Both providers give equal messages, of at least so many spans of the instrumentation."""
    theirs = spans_of(SdkTracerProvider, scenario)
    ours = spans_of(TracerProvider, scenario)
    made = [scope for whole in theirs.resource_spans for scope in whole.scope_spans]
    assert sum(len(scope.spans) for scope in made if scope.scope.name != "test") >= least
    assert ours == theirs


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a running site with one page, ``/``."""
    with servers.neighbour() as address:
        yield address


def test_requests(site: str) -> None:
    """Client spans of ``requests``: an answer, an error status, and no connection."""
    requests = pytest.importorskip("requests")
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.requests")

    def scenario(provider: SdkTracerProvider) -> None:
        instrumentor = instrumentation.RequestsInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        try:
            requests.get(site)
            requests.get(f"{site}/missing", params={"page": 2})
            with pytest.raises(requests.exceptions.InvalidSchema):
                requests.get("nothing://127.0.0.1")
        finally:
            instrumentor.uninstrument()

    assert_same(scenario, 3)


def test_httpx(site: str) -> None:
    """Client spans of ``httpx``, synchronous and asynchronous."""
    httpx = pytest.importorskip("httpx")
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")

    async def asynchronous() -> None:
        async with httpx.AsyncClient() as client:
            await client.get(f"{site}/missing")

    def scenario(provider: SdkTracerProvider) -> None:
        instrumentor = instrumentation.HTTPXClientInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        try:
            httpx.get(site)
            asyncio.run(asynchronous())
        finally:
            instrumentor.uninstrument()

    assert_same(scenario, 2)


def test_asgi() -> None:
    """Server spans of an ASGI application that answers, and of one that fails."""
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.asgi")
    headers = [(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/fails":
            raise ValueError("text")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def request(served: Any, path: str) -> None:
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "query_string": b"page=2",
            "headers": headers,
            "client": ("192.0.2.17", 40000),
            "server": ("127.0.0.1", 8000),
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None: ...

        await served(scope, receive, send)

    def scenario(provider: SdkTracerProvider) -> None:
        served = instrumentation.OpenTelemetryMiddleware(application, tracer_provider=provider)
        asyncio.run(request(served, "/orders/31"))
        with pytest.raises(ValueError, match="text"):
            asyncio.run(request(served, "/fails"))

    assert_same(scenario, 4)


def test_sqlalchemy() -> None:
    """Client spans of SQLAlchemy on SQLite: connecting, statements, and one that fails."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.sqlalchemy")

    def scenario(provider: SdkTracerProvider) -> None:
        engine = sqlalchemy.create_engine("sqlite://")
        instrumentor = instrumentation.SQLAlchemyInstrumentor()
        instrumentor.instrument(engine=engine, tracer_provider=provider, skip_dep_check=True)
        try:
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text("CREATE TABLE orders (id INTEGER)"))
                connection.execute(sqlalchemy.text("INSERT INTO orders VALUES (:id)"), {"id": 1})
                with pytest.raises(sqlalchemy.exc.OperationalError):
                    connection.execute(sqlalchemy.text("SELECT * FROM missing"))
        finally:
            instrumentor.uninstrument()
            engine.dispose()

    assert_same(scenario, 4)


def test_grpc() -> None:
    """Client and server spans of gRPC: a call that works, and one that the server refuses."""
    grpc = pytest.importorskip("grpc")
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.grpc")
    from opentelemetry.instrumentation.grpc.grpcext import intercept_channel

    def echo(request: bytes, context: Any) -> bytes:
        if request == b"refuse":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "refused")
        return request

    handler = grpc.method_handlers_generic_handler(
        "shop.Orders", {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    )

    def scenario(provider: SdkTracerProvider) -> None:
        serving = instrumentation.server_interceptor(tracer_provider=provider)
        calling = instrumentation.client_interceptor(tracer_provider=provider)
        with ThreadPoolExecutor(1) as pool:
            server = grpc.server(pool, interceptors=[serving])
            server.add_generic_rpc_handlers((handler,))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = intercept_channel(channel, calling).unary_unary("/shop.Orders/Echo")
                assert call(b"order", timeout=20) == b"order"
                with pytest.raises(grpc.RpcError):
                    call(b"refuse", timeout=20)
            server.stop(None).wait()

    # The port of the caller is another one in each run.
    assert_same_but(scenario, 4, {"net.peer.port", "network.peer.port", "client.port"})


def assert_same_but(scenario: Scenario, least: int, without: set[str]) -> None:
    """As :func:`assert_same`, with attributes left out that differ from run to run."""

    def cleared(kind: type[SdkTracerProvider]) -> Any:
        request = spans_of(kind, scenario)
        for whole in request.resource_spans:
            for scope in whole.scope_spans:
                for span in scope.spans:
                    kept = [item for item in span.attributes if item.key not in without]
                    del span.attributes[:]
                    span.attributes.extend(kept)
        return request

    theirs, ours = cleared(SdkTracerProvider), cleared(TracerProvider)
    made = [scope for whole in theirs.resource_spans for scope in whole.scope_spans]
    assert sum(len(scope.spans) for scope in made if scope.scope.name != "test") >= least
    assert ours == theirs


def test_celery() -> None:
    """Consumer spans of Celery tasks that work and that fail, run in this process."""
    celery = pytest.importorskip("celery")
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.celery")
    application = celery.Celery("shop", broker="memory://", backend="cache+memory://")

    @application.task(name="shop.ship")
    def ship(order: int) -> int:
        if order < 0:
            raise ValueError("no such order")
        return order

    def scenario(provider: SdkTracerProvider) -> None:
        instrumentor = instrumentation.CeleryInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        try:
            assert ship.apply(args=(1,), task_id="1").get() == 1
            assert ship.apply(args=(-1,), task_id="2").failed()
        finally:
            instrumentor.uninstrument()

    assert_same(scenario, 2)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Connection string of a private PostgreSQL; it runs as long as the module."""
    with servers.postgres() as address:
        yield address


@pytest.mark.servers
def test_psycopg(database: str) -> None:
    """Client spans of psycopg on a real server: statements, a batch, and one that fails."""
    psycopg = pytest.importorskip("psycopg")
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.psycopg")

    def scenario(provider: SdkTracerProvider) -> None:
        instrumentor = instrumentation.PsycopgInstrumentor()
        instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
        try:
            with psycopg.connect(database, autocommit=True) as connection:
                cursor = connection.cursor()
                cursor.execute("CREATE TEMPORARY TABLE orders (id INTEGER)")
                cursor.executemany("INSERT INTO orders VALUES (%s)", [(1,), (2,)])
                cursor.execute("SELECT id FROM orders WHERE id = %s", (1,))
                assert cursor.fetchall() == [(1,)]
                with pytest.raises(psycopg.errors.UndefinedTable):
                    cursor.execute("SELECT * FROM missing")
        finally:
            instrumentor.uninstrument()

    assert_same(scenario, 4)


def test_nothing_is_left_current() -> None:
    """After all of these no span is current in this thread."""
    assert trace.get_current_span() is trace.INVALID_SPAN
