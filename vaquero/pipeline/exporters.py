"""The public names of the adapters, for providers that an application builds by hand.

Loaded when they are first used: metrics run in many programs, and the SDK's logs in few.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaquero.pipeline.adapters.logs import LogExporter as LogExporter
    from vaquero.pipeline.adapters.logs import LogProcessor as LogProcessor
    from vaquero.pipeline.adapters.metrics import MetricExporter as MetricExporter
    from vaquero.pipeline.adapters.spans import SpanExporter as SpanExporter

#: Public name -> the room that has it.
_LAZY_EXPORTS = {
    "LogExporter": "logs",
    "LogProcessor": "logs",
    "MetricExporter": "metrics",
    "SpanExporter": "spans",
}

__all__ = ["LogExporter", "LogProcessor", "MetricExporter", "SpanExporter"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY_EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"vaquero.pipeline.adapters.{_LAZY_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
