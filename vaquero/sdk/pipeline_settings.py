"""From settings to those of the pipeline: destinations, spool, redaction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vaquero import _folders
from vaquero.pipeline import Pipeline, PipelineSettings
from vaquero.sdk import endpoints
from vaquero.version import __version__

if TYPE_CHECKING:
    from vaquero.config import Settings
    from vaquero.redaction import Redactor


def make_pipeline(settings: Settings) -> Pipeline:
    """The pipeline that these settings describe; builds nothing but memory."""
    return Pipeline(from_settings(settings), redactor(settings))


def from_settings(settings: Settings) -> PipelineSettings:
    """The settings of the pipeline."""
    batch = settings["batch_size"] or settings["max_export_batch_size"]
    delay_s = settings["flush_interval"] or settings["schedule_delay_ms"] / 1000.0
    return PipelineSettings(
        traces=endpoints.destination("traces", settings),
        metrics=endpoints.destination("metrics", settings),
        logs=endpoints.destination("logs", settings),
        request_max_items=batch,
        spool_dir=spool_dir(settings) if settings["spool"] else None,
        spool_max_bytes=settings["spool_max_bytes"],
        spool_max_age_s=settings["spool_max_days"] * 86_400.0,
        ring_max_spans=max(settings["max_queue_size"], 32_768),
        schedule_delay_s=delay_s,
        proxies=endpoints.proxies(),
        user_agent=f"vaquero-otel/{__version__}",
    )


def spool_dir(settings: Settings) -> Path:
    """The folder of the spool."""
    return Path(settings["spool_dir"]) if settings["spool_dir"] else _folders.state() / "spool"


def redactor(settings: Settings) -> Redactor | None:
    """What removes secrets; None where redaction is off."""
    if not settings["redact"]:
        return None
    from vaquero.redaction import Redactor

    return Redactor(
        extra_keys=settings["redact_keys"],
        extra_patterns=settings.made.get("redact_patterns", settings["redact_patterns"]),
    )
