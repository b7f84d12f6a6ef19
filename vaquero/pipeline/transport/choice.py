"""What the sender needs of a protocol, and the choice between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vaquero.errors import MissingPartError
from vaquero.pipeline.transport.http import HttpTransport

if TYPE_CHECKING:
    from vaquero.pipeline.settings import Destination, PipelineSettings, Signal
    from vaquero.pipeline.transport.retry import SendResult


class Transport(Protocol):
    """Carries one request at a time to one destination. Used by the sender's thread alone."""

    def send(self, body: bytes, batch_id: str, timeout_s: float) -> SendResult:
        """Send an encoded request and judge the answer. Never raises."""
        ...

    def abort(self) -> None:
        """Break a request that hangs. The one method that another thread may call."""
        ...

    def close(self) -> None:
        """Close the connection; the next request opens a new one. Also right in a forked child."""
        ...


def make_transport(
    signal: Signal, destination: Destination, settings: PipelineSettings
) -> Transport:
    """The transport of a destination.

    Raises:
        ValueError: The endpoint is no address, or the protocol is unknown.
        OSError: A certificate file cannot be read.
        MissingPartError: gRPC is asked for and ``h2`` is not installed.
    """
    if destination.protocol == "grpc":
        # Only where it is asked for: h2 takes longer to load than all the rest of the pipeline.
        try:
            from vaquero.pipeline.transport.grpc import GrpcTransport
        except ModuleNotFoundError as error:
            remedy = "pip install h2"
            raise MissingPartError("h2, which carries OTLP/gRPC,", remedy) from error
        return GrpcTransport(signal, destination, settings)
    if destination.protocol != "http/protobuf":
        raise ValueError(f"unknown OTLP protocol {destination.protocol!r}")
    return HttpTransport(destination, settings)
