"""What `vaquero_collector` raises; each text is one line that says what would do."""

from __future__ import annotations


class CollectorError(Exception):
    """The Collector cannot be found, started or asked."""


class NoBinaryError(CollectorError):
    """There is no Collector on this machine."""


class PortTakenError(CollectorError):
    """Another program listens where the Collector should.

    Attributes:
        port: The port that is taken.
    """

    def __init__(self, text: str, port: int) -> None:
        super().__init__(text)
        self.port = port


class AlreadyRunningError(CollectorError):
    """A Collector with the same folder is running already; it can be used as it is.

    Attributes:
        pid: Its process id, or None where its record is not readable (yet).
        http_url: Where it takes OTLP over HTTP, or None likewise.
        destination: Where it forwards to, without secrets, or None likewise.
    """

    def __init__(
        self,
        text: str,
        pid: int | None = None,
        http_url: str | None = None,
        destination: str | None = None,
    ) -> None:
        super().__init__(text)
        self.pid = pid
        self.http_url = http_url
        self.destination = destination
