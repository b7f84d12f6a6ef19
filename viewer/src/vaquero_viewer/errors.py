"""Everything the viewer raises on purpose.

The tree::

    ViewerError
    ├── PortTaken            another process listens on the port
    ├── StoreError           the database cannot be used
    │   └── StoreLocked      another process has the database open
    └── RequestError         one OTLP request cannot be taken (carries the HTTP status)
        ├── BadBody          400, not the message that the path and content type promise
        ├── BodyTooLarge     413, over the limit before or after decompression
        ├── Unsupported      415, content type or encoding that OTLP does not have
        └── Busy             503, the queue is full or the store cannot write now
"""

from __future__ import annotations


class ViewerError(Exception):
    """Base of all errors of this package; its text is one line made for a person."""


class PortTaken(ViewerError):
    """A port that was asked for is in use.

    Args:
        host: Address that was to be bound.
        port: Port that was to be bound.
        holder: Who listens there, as far as this user may know; ``None`` if unknown.
        reason: What the operating system said, if it is not plainly "in use".
    """

    def __init__(
        self, host: str, port: int, holder: str | None = None, reason: str | None = None
    ) -> None:
        self.host, self.port, self.holder, self.reason = host, port, holder, reason
        if reason is not None:
            text = f"cannot listen on {host}:{port}: {reason}"
        else:
            by = f" by {holder}" if holder else " by another process (of another user, it seems)"
            text = f"port {port} on {host} is in use{by}"
        super().__init__(text)


class StoreError(ViewerError):
    """The database cannot be opened or written; the text says which file and why."""


class StoreLocked(StoreError):
    """Another viewer has the database file open (DuckDB allows one process per file).

    Args:
        path: The database file.
        holder: Who has it open, as far as it can be known.
    """

    def __init__(self, path: str, holder: str) -> None:
        self.path, self.holder = path, holder
        super().__init__(
            f"{path} is open in {holder}; use the page of that viewer, stop it, "
            "or give this one a file of its own with --path"
        )


class RequestError(ViewerError):
    """One OTLP request cannot be taken; nothing else is affected.

    Attributes:
        status: HTTP status of the reply.
        code: gRPC status code put into the ``google.rpc.Status`` body.
    """

    status = 400
    code = 3

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class BadBody(RequestError):
    """The body is not the OTLP message that its path and content type promise."""


class BodyTooLarge(RequestError):
    """The body is larger than the receiver takes, as sent or once decompressed."""

    status = 413
    code = 8


class Unsupported(RequestError):
    """The content type or content encoding is none that OTLP/HTTP defines."""

    status = 415
    code = 3


class Busy(RequestError):
    """Nothing is wrong with the request: send it again in a moment."""

    status = 503
    code = 14
