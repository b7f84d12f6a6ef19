"""Setting logs up: a logger provider for OpenTelemetry's API, made when it is first asked for."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LoggerProvider as ApiLoggerProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import Logger

#: Levels of the table of settings.
LEVELS = {
    "notset": 0,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


class LazyLoggerProvider(ApiLoggerProvider):
    """Stands for a logger provider of the SDK that is made when the first logger is asked for.

    Few programs use OpenTelemetry's log API themselves, and the SDK's part costs every start.

    Args:
        make: Makes the SDK's provider.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._lock = threading.Lock()

    @property
    def made(self) -> Any:
        """The SDK's provider, made now at the latest."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Logger:
        """A logger of the SDK's provider."""
        return self.made.get_logger(name, version, schema_url, attributes)

    def add_log_record_processor(self, processor: Any) -> None:
        """As the SDK's provider has it."""
        self.made.add_log_record_processor(processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush what was made; nothing to do before."""
        return True if self._made is None else bool(self._made.force_flush(timeout_millis))

    def shutdown(self) -> None:
        """End what was made; nothing to do before."""
        if self._made is not None:
            self._made.shutdown()
