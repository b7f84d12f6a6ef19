"""Each row of the table that is about the process as a whole, executed."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.variables_table import VARIABLES, Variable

from .checks import Checks

#: Upstream's, as installed beside this interpreter.
LAUNCHER = str(Path(sys.executable).parent / "opentelemetry-instrument")
AREAS = ("General", "Other exporters", "Instrumentation", "Python")
CHECKS = Checks()
executes = CHECKS.executes


@pytest.mark.parametrize(
    "row",
    [row for row in VARIABLES if row.area in AREAS and row.status != "ignored"],
    ids=lambda row: row.name,
)
def test_the_row_says_what_happens(row: Variable, world: Any) -> None:
    """The variable has the effect that its row tells."""
    CHECKS[row.name](world, row.name)


@pytest.mark.parametrize(
    "row",
    [row for row in VARIABLES if row.area in AREAS and row.status == "ignored"],
    ids=lambda row: row.name,
)
def test_the_row_changes_nothing(row: Variable, world: Any) -> None:
    """What is sent is the same with the variable and without."""
    world.unchanged(row.name, "true", "acme")


@executes("OTEL_SDK_DISABLED")
def disabled(world: Any, name: str) -> None:
    import threading

    program = world.program  # Made with its receiver, which has a thread of its own.
    before = threading.active_count()
    assert program.run({name: "true"}, lambda program: None)
    assert world.program.sdk.tracer_provider is None
    assert world.program.sdk.pipeline is None
    assert threading.active_count() <= before
    assert not world.receiver.requests
    assert world.program.run({name: "false"})
    assert len(world.receiver.spans) == 1


@executes("OTEL_CONFIG_FILE")
def config_file(world: Any, name: str) -> None:
    path = world.tmp_path / "otel.yaml"
    path.write_text(
        "file_format: '1.0'\n"
        "resource: {attributes: [{name: service.name, value: from-file}]}\n"
        "tracer_provider:\n"
        "  processors:\n"
        f"    - batch: {{exporter: {{otlp_http: {{endpoint: {world.receiver.url}/v1/traces}}}}}}\n"
    )
    assert world.program.run({name: str(path), "OTEL_SERVICE_NAME": "not-this"}, endpoint=False)
    assert world.receiver.resource["service.name"] == "from-file"
    assert {request.signal for request in world.receiver.requests} == {"traces"}


@executes("OTEL_SERVICE_NAME")
def service_name(world: Any, name: str) -> None:
    assert world.program.run({name: "till", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other"})
    assert world.receiver.resource["service.name"] == "till"


@executes("OTEL_RESOURCE_ATTRIBUTES")
def resource_attributes(world: Any, name: str) -> None:
    assert world.program.run({name: "team=shop%20floor,host.name=mine"})
    found = world.receiver.resource
    assert (found["team"], found["host.name"]) == ("shop floor", "mine")


@executes("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS")
def detectors(world: Any, name: str) -> None:
    world.plugin(
        {"opentelemetry_resource_detector": {"acme": "acme_plugin:Detector"}},
        "from opentelemetry.sdk.resources import Resource, ResourceDetector\n"
        "class Detector(ResourceDetector):\n"
        "    def detect(self):\n"
        "        return Resource({'acme': 'yes'})\n",
    )
    assert world.program.run({name: "acme"})
    found = world.receiver.resource
    assert found["acme"] == "yes"
    assert "process.pid" in found


@executes("OTEL_LOG_LEVEL")
def log_level(world: Any, name: str) -> None:
    assert world.program.run({name: "error"})
    for logger in ("vaquero", "opentelemetry"):
        assert logging.getLogger(logger).getEffectiveLevel() == logging.ERROR


@executes("OTEL_PROPAGATORS")
def propagators(world: Any, name: str) -> None:
    from opentelemetry import propagate

    expected = {
        "tracecontext": {"traceparent"},
        "b3": {"b3"},
        "b3multi": {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled"},
        "jaeger": {"uber-trace-id"},
        "xray": {"X-Amzn-Trace-Id"},
        "none": set(),
        "nosuch,b3": {"b3"},
        "nosuch": {"traceparent"},
    }
    carrier: dict[str, str] = {}

    def inject(program: Any) -> None:
        with program.tracer.start_as_current_span("x"):
            propagate.inject(carrier)

    for value, fields in expected.items():
        carrier.clear()
        assert world.program.run({name: value}, inject)
        assert set(carrier) == fields, value

    from opentelemetry import baggage
    from opentelemetry import context as context_api

    def with_baggage(program: Any) -> None:
        token = context_api.attach(baggage.set_baggage("k", "v"))
        propagate.inject(carrier)
        context_api.detach(token)

    assert world.program.run({name: "baggage"}, with_baggage)
    assert carrier["baggage"] == "k=v"
    # Where the API reads the variable itself it would raise; a program of vaquero's starts.
    result = world.python("import vaquero; vaquero.init(); print('on')", **{name: "nosuch"},
                          OTEL_EXPORTER_OTLP_ENDPOINT=world.receiver.url)  # fmt: skip
    assert result.stdout == "on\n"
    assert "OTEL_PROPAGATORS='nosuch' (from environment) is invalid" in result.stderr


# Instrumentation: the libraries read these themselves. A server of upstream's instrumentation
# is asked once, with vaquero's providers.

SERVER = """
import asyncio
import vaquero
vaquero.init()
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.util.http import get_excluded_urls

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"x-reply", b"pong"), (b"set-cookie", b"session=hunter2")]})
    await send({"type": "http.response.body", "body": b""})

async def ask(path, method="GET"):
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(),
             "query_string": b"", "scheme": "http", "http_version": "1.1",
             "server": ("shop", 80), "client": ("127.0.0.1", 1),
             "headers": [(b"x-ask", b"ping"), (b"x-password", b"hunter3")]}
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        pass
    server = OpenTelemetryMiddleware(app, excluded_urls=get_excluded_urls("ASGI"))
    await server(scope, receive, send)

asyncio.run(ask("/one"))
asyncio.run(ask("/skip/me"))
asyncio.run(ask("/odd", "PURGE"))
vaquero.flush(10)
"""


def _server(world: Any, **environ: str) -> list[Any]:
    world.receiver.requests.clear()
    result = world.python(SERVER, OTEL_EXPORTER_OTLP_ENDPOINT=world.receiver.url, **environ)
    assert result.returncode == 0, result.stderr
    return [span for span in world.receiver.spans if span.kind == 2]


@executes("OTEL_SEMCONV_STABILITY_OPT_IN")
def conventions(world: Any, name: str) -> None:
    old, new = ({key for span in _server(world, **{name: value}) for key in world.attributes(span)}
                for value in ("default", "http"))  # fmt: skip
    assert "http.method" in old
    assert "http.request.method" in new
    assert "http.method" not in new


@executes("OTEL_PYTHON_EXCLUDED_URLS")
def excluded(world: Any, name: str) -> None:
    spans = _server(world, **{name: "skip"}, OTEL_SEMCONV_STABILITY_OPT_IN="http")
    assert [world.attributes(span)["url.path"] for span in spans] == ["/one", "/odd"]


@executes("OTEL_PYTHON_{}_EXCLUDED_URLS")
def excluded_for_one(world: Any, name: str) -> None:
    from opentelemetry.util.http import get_excluded_urls

    def look(program: Any) -> None:
        assert get_excluded_urls("FLASK").url_disabled("http://shop/skip/me")
        assert not get_excluded_urls("DJANGO").url_disabled("http://shop/skip/me")

    assert world.program.run({name.format("FLASK"): "skip"}, look)


@executes("OTEL_PYTHON_GRPC_EXCLUDED_SERVICES")
def excluded_services(world: Any, name: str) -> None:
    from opentelemetry.instrumentation.grpc import _excluded_service_filter

    def look(program: Any) -> None:
        chosen = _excluded_service_filter()
        assert chosen is not None

    assert world.program.run({name: "Health"}, look)


@executes(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
)
def captured(world: Any, name: str) -> None:
    prefix = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    environ = {
        f"{prefix}SERVER_REQUEST": "x-ask,x-password",
        f"{prefix}SERVER_RESPONSE": "x-reply,set-cookie",
        "VAQUERO_REDACT": "true",
    }
    if name.endswith("FIELDS"):
        environ[name] = "x-ask"
    else:
        environ = {key: value for key, value in environ.items() if key in (name, "VAQUERO_REDACT")}
    spans = _server(world, **environ)
    text = str(spans)
    assert "hunter" not in text
    assert ("ping" in text) is name.endswith("REQUEST")
    assert ("pong" in text) is name.endswith(("RESPONSE", "FIELDS"))


@executes(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE",
)
def captured_by_clients(world: Any, name: str) -> None:
    code = f"""
import vaquero
vaquero.init()
import requests
from opentelemetry.instrumentation.requests import RequestsInstrumentor
RequestsInstrumentor().instrument()
requests.post("{world.receiver.url}/other", data=b"x", headers={{"x-ask": "ping"}})
vaquero.flush(10)
"""
    wanted = "x-ask" if name.endswith("REQUEST") else "content-length"
    result = world.python(code, OTEL_EXPORTER_OTLP_ENDPOINT=world.receiver.url, **{name: wanted})
    assert result.returncode == 0, result.stderr
    kind = "request" if name.endswith("REQUEST") else "response"
    key = f"http.{kind}.header.{wanted}"
    (span,) = [span for span in world.receiver.spans if span.kind == 3]
    assert {found.replace("_", "-") for found in world.attributes(span)} >= {key}


@executes("OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS")
def all_methods(world: Any, name: str) -> None:
    without = [span.name for span in _server(world)]
    with_all = [span.name for span in _server(world, **{name: "true"})]
    assert not any("PURGE" in found for found in without)
    assert any("PURGE" in found for found in with_all)


@executes("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS")
def disabled_instrumentations(world: Any, name: str) -> None:
    code = "import requests; print(hasattr(requests.Session.send, '__wrapped__'))"
    launcher = (sys.executable, "-m", "vaquero.cli", "run")
    off = {"OTEL_EXPORTER_OTLP_ENDPOINT": world.receiver.url, "VAQUERO_QUIET": "1"}
    said = [
        world.python(code, *launcher, **off, **environ).stdout
        for environ in ({}, {name: "requests"}, {name: "*"})
    ]
    assert said == ["True\n", "False\n", "False\n"]


@executes("OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH")
def gevent(world: Any, name: str) -> None:
    result = world.python("print('on')", LAUNCHER, **{name: "some"},
                          OTEL_EXPORTER_OTLP_ENDPOINT=world.receiver.url)  # fmt: skip
    assert result.stdout == "on\n"
    assert "must be `patch_all`" in result.stderr


@executes("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")
def chosen_by_name(world: Any, name: str) -> None:
    group = name.removeprefix("OTEL_PYTHON_").lower()
    base, where = {
        "distro": ("BaseDistro", "opentelemetry.instrumentation.distro"),
        "configurator": ("_BaseConfigurator", "opentelemetry.sdk._configuration"),
    }[group]
    world.plugin(
        {f"opentelemetry_{group}": {"acme": "acme_plugin:Mine"}},
        f"from {where} import {base}\n"
        f"class Mine({base}):\n"
        "    def _configure(self, **kwargs):\n"
        "        print('acme')\n",
    )
    said = [
        world.python(
            "print('on')",
            LAUNCHER,
            **{name: value},
            PYTHONPATH=str(world.tmp_path / "site"),
            OTEL_EXPORTER_OTLP_ENDPOINT=world.receiver.url,
        ).stdout
        for value in ("acme", "vaquero")
    ]
    assert said == ["acme\non\n", "on\n"]


@executes("OTEL_PYTHON_CONTEXT")
def context(world: Any, name: str) -> None:
    code = (
        "import vaquero; vaquero.init(); from opentelemetry import context\n"
        "print(type(context._RUNTIME_CONTEXT).__name__)"
    )
    world.plugin(
        {"opentelemetry_context": {"acme": "acme_plugin:Mine"}},
        "from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext\n"
        "class Mine(ContextVarsRuntimeContext): pass\n",
    )
    path = str(world.tmp_path / "site")
    off = {"OTEL_EXPORTER_OTLP_ENDPOINT": world.receiver.url, "PYTHONPATH": path}
    assert world.python(code, **off, **{name: "acme"}).stdout == "Mine\n"
    assert world.python(code, **off).stdout == "ContextVarsRuntimeContext\n"
