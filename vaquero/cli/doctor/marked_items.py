"""One marked span, metric and log record, encoded as a program of these settings would.

The items are real ones and the encoders are the pipeline's: what a receiver is asked to take here
is what it will be asked to take in operation, with the same resource and the same redaction.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from vaquero import resource as resources
from vaquero.sdk import pipeline_settings, sampling
from vaquero.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings
    from vaquero.pipeline.settings import Signal
    from vaquero.redaction import Redactor

MARK = "vaquero.doctor.mark"

_SCOPE = "vaquero.doctor"


def request(signal: Signal, mark: str, settings: Settings) -> bytes:
    """An encoded request with one item of a signal, named ``vaquero doctor`` and marked.

    Args:
        signal: Which.
        mark: Set as ``vaquero.doctor.mark``.
        settings: Give resource, redaction and ids.

    Raises:
        ValueError: The item cannot be encoded.
    """
    who, redactor = resources.build(settings), pipeline_settings.redactor(settings)
    if signal == "traces":
        bodies = _span(mark, settings, who, redactor)
    elif signal == "metrics":
        bodies = _metric(mark, who, redactor)
    else:
        bodies = _log_record(mark, who, redactor)
    if not bodies:
        raise ValueError(f"the item of {signal} cannot be encoded")
    return bodies[0]


def _span(mark: str, settings: Settings, who: Resource, redactor: Redactor | None) -> list[bytes]:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanKind, TraceFlags

    from vaquero.pipeline.otlp.span_batches import SpanCodec
    from vaquero.record import Origin, SpanRecord

    ids = sampling.id_generator(settings) or RandomIdGenerator()
    span = SpanRecord()
    span.title = "vaquero doctor"
    span.span_kind = SpanKind.INTERNAL
    span.trace_no, span.span_no, span.parent_no = ids.generate_trace_id(), ids.generate_span_id(), 0
    span.parent_remote = None
    span.flag_bits = TraceFlags.SAMPLED
    span.state = None
    span.end_ns = time.time_ns()
    span.start_ns = span.end_ns - 1_000_000
    span.attrs = {MARK: mark}
    span.extra = None
    span.origin = Origin(who, InstrumentationScope(_SCOPE, __version__))
    span.weight = 0
    encoded, _ = SpanCodec(redactor).encode([span])
    return [body for body, _ in encoded]


def _metric(mark: str, who: Resource, redactor: Redactor | None) -> list[bytes]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from vaquero.pipeline.otlp.metric_batches import MetricsCodec

    # The SDK's own provider: views of the settings must not take this metric out.
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], who, shutdown_on_exit=False)
    gauge = provider.get_meter(_SCOPE, __version__).create_gauge("vaquero.doctor", unit="1")
    gauge.set(1.0, {MARK: mark})
    data = reader.get_metrics_data()
    provider.shutdown()
    if data is None:
        return []
    return [body for body, _ in MetricsCodec(redactor, lambda points: None).encode(data)]


def _log_record(mark: str, who: Resource, redactor: Redactor | None) -> list[bytes]:
    from vaquero.logs.bridge import Bridge
    from vaquero.pipeline.otlp.logs import LogEncoder

    taken: list[Any] = []
    # Below no other logger: no handler of anybody prints the record.
    logger = logging.Logger("doctor")
    handler = logging.Handler()
    handler.emit = Bridge(taken.append, lambda: who, logging.NOTSET).take
    logger.addHandler(handler)
    logger.info("vaquero doctor", extra={MARK: mark})
    body, items = LogEncoder(redactor).encode(taken)
    return [body] if items else []
