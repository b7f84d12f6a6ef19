"""What an SDK is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import TracerProvider

    from vaquero.logs.provider import LazyLoggerProvider
    from vaquero.metrics.provider import MeterProvider
    from vaquero.metrics.reader import Ticker
    from vaquero.pipeline import Pipeline


@dataclass
class Parts:
    """What an SDK is made of; a part that a setting switched off is None."""

    pipeline: Pipeline | None = None
    tracer_provider: TracerProvider | None = None
    meter_provider: MeterProvider | None = None
    host_meter_provider: MeterProvider | None = None
    logger_provider: LazyLoggerProvider | None = None
    ticker: Ticker | None = None
    host_tracer_provider: Any = None
    before_exit: list[Callable[[], None]] = field(default_factory=lambda: [])
    on_shutdown: list[Callable[[], None]] = field(default_factory=lambda: [])
