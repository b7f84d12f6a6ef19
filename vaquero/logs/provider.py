"""The logger provider: what carries log records of the OpenTelemetry API to the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LoggerProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings


def logger_provider(
    settings: Settings, resource: Resource, processors: Sequence[Any]
) -> tuple[LoggerProvider, Callable[[], None]]:
    """A logger provider with these processors.

    Args:
        settings: What is bridged from the standard library, and from which level.
        resource: Who the process is.
        processors: Log record processors of the SDK, in the order in which they are called.

    Returns:
        The provider, and a call that takes the bridge off again.
    """
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    for processor in processors:
        provider.add_log_record_processor(processor)
    return provider, _nothing


def _nothing() -> None:
    return None
