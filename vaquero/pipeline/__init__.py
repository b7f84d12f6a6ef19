"""From finished spans to acknowledged requests: ring, encoder, spool, sender, behind one class.

Public: :class:`Pipeline` and its settings, and the adapters for providers built by hand,
:class:`SpanProcessor` and :class:`SpanExporter`.
"""

from vaquero.pipeline.adapters.spans import SpanExporter, SpanProcessor
from vaquero.pipeline.pipeline import Pipeline
from vaquero.pipeline.settings import Destination, PipelineSettings, Proxies, Signal
from vaquero.pipeline.stats import PipelineStats

__all__ = [
    "Destination",
    "Pipeline",
    "PipelineSettings",
    "PipelineStats",
    "Proxies",
    "Signal",
    "SpanExporter",
    "SpanProcessor",
]
