"""A backend that the tests can look into, and Collectors that send to it."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from tests.support.certificates import make_certificates
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.processes import is_telemetry


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the records of a test apart from those of the user and of other tests."""
    for name in filter(is_telemetry, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("VAQUERO_COLLECTOR_DIR", str(tmp_path / "state"))
    # The HTTP client of the SDK's exporters lets these win over the CA that it is given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def open_backend() -> Iterator[Callable[..., OtlpReceiver]]:
    """Open backends; each is closed with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(OtlpReceiver(**options))


@pytest.fixture
def backend(open_backend: Callable[..., OtlpReceiver]) -> OtlpReceiver:
    """A backend that takes everything."""
    return open_backend()


@pytest.fixture
def collect(binary: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start Collectors on free ports; each is ended with the test."""
    from vaquero_collector import Collector

    children: list[Collector] = []

    def start(forward_to: str, name: str = "one", **options: Any) -> Collector:
        options = {"http_port": 0, "grpc_port": 0, "folder": tmp_path / name, **options}
        env = {"VAQUERO_COLLECTOR_RED_INTERVAL": "1s"}
        env |= {"VAQUERO_COLLECTOR_RETRY_MAX_INTERVAL": "1s", **options.pop("env", {})}
        child = Collector(forward_to=forward_to, binary=binary, env=env, **options)
        children.append(child)
        child.start(60.0)
        return child

    yield start
    for child in children:
        child.stop(5.0)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and certificate and key of a server and of a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def telemetry() -> tuple[Any, Any, Any]:
    """Spans, metrics and logs as the SDK makes them, with every kind of value."""
    resource = Resource({"service.name": "shop", "deployment.environment.name": "test"})
    spans = InMemorySpanExporter()
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    tracer = tracers.get_tracer("roads", "1.2", attributes={"scope.key": "value"})
    with tracer.start_as_current_span("first", kind=SpanKind.SERVER) as first:
        first.set_attributes(
            {"text": "ü €", "int": 2**62, "float": 0.1, "bool": True, "list": [1, 2], "empty": ""}
        )
        link = Link(first.get_span_context(), {"link.key": 1})
        with tracer.start_as_current_span("second", kind=SpanKind.CLIENT, links=[link]) as second:
            second.add_event("happened", {"n": 1.5})
            second.record_exception(ValueError("boom"))
            second.set_status(Status(StatusCode.ERROR, "it failed"))
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], resource=resource).get_meter("roads", "1.2")
    meter.create_counter("made", "1", "Things made").add(3, {"kind": "a"})
    meter.create_up_down_counter("open").add(-2)
    meter.create_gauge("level", "By").set(1.5, {"where": "tank"})
    histogram = meter.create_histogram("took", "s")
    for value in (0.001, 0.2, 7.0):
        histogram.record(value, {"route": "/x"})
    metrics = reader.get_metrics_data()
    logs = InMemoryLogRecordExporter()
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    logger = logging.Logger("roads")
    logger.addHandler(_handler(loggers))
    with tracer.start_as_current_span("logging"):
        logger.warning("disk at %d %%", 91, extra={"disk.name": "sda"})
    for provider in (tracers, loggers):
        provider.shutdown()
    return spans.get_finished_spans(), metrics, logs.get_finished_logs()


def _handler(loggers: LoggerProvider) -> logging.Handler:
    with warnings.catch_warnings():
        # The SDK has given its handler up for one of another distribution; both encode the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        return LoggingHandler(logger_provider=loggers)
