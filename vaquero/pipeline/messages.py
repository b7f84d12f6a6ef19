"""The lines of the pipeline on the ``vaquero`` logger: one per kind of fault and minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaquero import _log
from vaquero._guard import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaquero.pipeline.queue.lane import Lane
    from vaquero.pipeline.settings import Destination, Signal
    from vaquero.pipeline.transport.retry import SendResult


def log_unreachable(lane: Lane, result: SendResult, wait_s: float) -> None:
    """The backend cannot be reached or asks for patience."""
    address = lane.destination.address
    if result.reason == "refused" and not lane.destination.named_by_user:
        _log.warn(
            "send:nobody",
            "Nothing listens at %s, so %s go nowhere (%s). `vaquero run --view` starts a viewer; "
            "vaquero.init(endpoint=...) or OTEL_EXPORTER_OTLP_ENDPOINT name another backend.",
            address,
            lane.signal,
            result.detail,
        )
        return
    spooled = lane.disk is not None
    _log.warn(
        f"send:{result.reason}",
        "%s cannot be sent to %s (%s). They wait %s; next try in %.1f s.",
        lane.signal.capitalize(),
        address,
        result.detail,
        "in the spool" if spooled else "in memory",
        wait_s,
    )


def log_partial_success(lane: Lane, rejected: int, message: str) -> None:
    """The backend took a request, but not all of it."""
    _log.warn(
        "send:partial_success",
        "%s rejected %d items of %s in a request that it accepted: %s",
        lane.destination.address,
        rejected,
        lane.signal,
        message or "no reason given",
    )


def log_too_large(lane: Lane, size_bytes: int) -> None:
    """One item alone is more than the backend takes."""
    _log.warn(
        "send:too_large",
        "%s refuses a single item of %s with %d bytes as too large; it is dropped.",
        lane.destination.address,
        lane.signal,
        size_bytes,
    )


def log_refused(lane: Lane, result: SendResult, items: int, *, kept: bool) -> None:
    """The backend will not take a request, however often it is sent."""
    _log.warn(
        f"send:{result.reason}",
        "%s does not take %d items of %s (%s). %s",
        lane.destination.address,
        items,
        lane.signal,
        result.detail,
        "They are kept: mend the setting, then `vaquero spool resend`."
        if kept
        else "They are dropped.",
    )


def log_unusable_destination(signal: Signal, destination: Destination, error: Exception) -> None:
    """A destination cannot be used at all, so its signal is not exported."""
    _log.warn(f"destination:{signal}", "%s", unusable_text(signal, destination, error))


def unusable_text(signal: Signal, destination: Destination, error: Exception) -> str:
    """The line for a destination that cannot be used."""
    return (
        f"{signal.capitalize()} cannot be sent to {destination.address} over "
        f"{destination.protocol} and are dropped: {describe(error)}"
    )


def log_lost_at_exit(lost: Mapping[Lane, int]) -> None:
    """The process ends, and so many items of each lane waited in memory only."""
    if any(items and lane.destination.named_by_user for lane, items in lost.items()):
        _log.warn(
            "exit:lost",
            "%s could not be sent before the process ended and are lost.",
            ", ".join(f"{items} items of {lane.signal}" for lane, items in lost.items() if items),
        )
