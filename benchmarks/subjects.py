"""What is measured: the bare SDK, vaquero with its settings, and peers where they are installed."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import peers

#: Enough for the largest run, so that nothing is dropped by the bare SDK.
QUEUE = 200_000


@dataclass(frozen=True)
class Subject:
    """One thing to measure.

    Attributes:
        name: As in the table.
        start: Sets everything up and gives ``(tracer, flush)``; called in a fresh process.
        package: What must be installed.
    """

    name: str
    start: Callable[[str, str], tuple[Any, Callable[[], Any]]]
    package: str = "opentelemetry"

    @property
    def installed(self) -> bool:
        """Whether this can be measured here."""
        return importlib.util.find_spec(self.package) is not None


def _sampler(mode: str) -> Any:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON

    return ALWAYS_OFF if mode == "unsampled" else DEFAULT_ON


def _bare(endpoint: str, mode: str) -> tuple[Any, Callable[[], Any]]:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(_sampler(mode), Resource.create({"service.name": "bench"}))
    exporter = OTLPSpanExporter(endpoint=endpoint + "/v1/traces")
    size: dict[str, Any] = {} if mode == "as_it_comes" else {"max_queue_size": QUEUE}
    provider.add_span_processor(BatchSpanProcessor(exporter, **size))
    trace.set_tracer_provider(provider)
    if mode == "metrics":
        _bare_metrics(endpoint)
    return trace.get_tracer("bench"), provider.force_flush


def _bare_metrics(endpoint: str) -> None:
    """Metrics as vaquero has them, for instrumentations that record both."""
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(endpoint=endpoint + "/v1/metrics")
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(exporter)]))


def _vaquero(**settings: Any) -> Callable[[str, str], tuple[Any, Callable[[], Any]]]:
    def start(endpoint: str, mode: str) -> tuple[Any, Callable[[], Any]]:
        os.environ.setdefault("VAQUERO_SPOOL_DIR", tempfile.mkdtemp(prefix="vaquero-bench-"))
        from opentelemetry import trace

        import vaquero

        vaquero.init(endpoint=endpoint, service_name="bench", sampler=_sampler(mode), **settings)
        return trace.get_tracer("bench"), vaquero.flush

    return start


BARE = Subject("bare SDK", _bare)
VAQUERO = Subject("vaquero", _vaquero(), "vaquero")
#: Each part off in turn, so that its cost is seen.
VARIANTS = (
    Subject("redaction off", _vaquero(redact=False), "vaquero"),
    Subject("spool off", _vaquero(spool=False), "vaquero"),
    Subject("gauges off", _vaquero(gauges=False), "vaquero"),
)
#: Measured where they are installed. Those that send to a service of their own do so to the sink.
PEERS = (
    Subject("logfire", peers.logfire, "logfire"),
    Subject("ddtrace", peers.ddtrace, "ddtrace"),
    Subject("sentry", peers.sentry, "sentry_sdk"),
)

ALL = {subject.name: subject for subject in (BARE, VAQUERO, *VARIANTS, *PEERS)}
