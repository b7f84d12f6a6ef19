"""What `vaquero_collector` raises; each text is one line that says what would do."""

from __future__ import annotations


class CollectorError(Exception):
    """The Collector cannot be found, started or asked."""


class NoBinaryError(CollectorError):
    """There is no Collector on this machine."""


class AlreadyRunningError(CollectorError):
    """A Collector with the same listener is running already.

    Attributes:
        pid: Its process id, or None where its record is not readable.
    """

    def __init__(self, text: str, pid: int | None) -> None:
        super().__init__(text)
        self.pid = pid
