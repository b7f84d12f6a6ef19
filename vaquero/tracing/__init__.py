"""Traces: provider, tracer and span of vaquero, cheap to make and valid towards OpenTelemetry.

Names are loaded when they are first used; importing this package does nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaquero.tracing.provider import TracerProvider as TracerProvider
    from vaquero.tracing.span import Span as Span
    from vaquero.tracing.tracer import Tracer as Tracer

__all__ = ["Span", "Tracer", "TracerProvider"]

_LAZY_EXPORTS = {"Span": "span", "Tracer": "tracer", "TracerProvider": "provider"}


def __getattr__(name: str) -> Any:
    module = _LAZY_EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
