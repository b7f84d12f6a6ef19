"""What the verbs print."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from vaquero_collector.addresses import masked
from vaquero_collector.overlays import Overlay
from vaquero_collector.process import Collector
from vaquero_collector.record import Record
from vaquero_collector.stats import Stats

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def started(child: Collector) -> str:
    """Return the lines about a Collector that is ready."""
    plan = child.plan()
    overlays = f", overlays: {', '.join(plan.overlays)}" if plan.overlays else ""
    return (
        f"vaquero collector: ready (pid {child.pid}{overlays})\n"
        f"  send to     {child.http_url} (HTTP), {child.grpc_url} (gRPC)\n"
        f"  forwards to {masked(plan.destination)}\n"
        f"  log         {plan.log}"
    )


def size(count_bytes: int) -> str:
    """Return a number of bytes for people, with three digits."""
    value, index = float(count_bytes), 0
    while value >= 1023.5 and index < len(_UNITS) - 1:
        value, index = value / 1024, index + 1
    if index == 0:
        return f"{value:.0f} B"
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {_UNITS[index]}"


def status(item: Record, healthy: bool, figures: Stats) -> None:
    """Print one Collector and a table of its signals."""
    console = Console(highlight=False)
    state = "healthy" if healthy else "NOT HEALTHY"
    overlays = f", overlays: {', '.join(item.overlays)}" if item.overlays else ""
    console.print(
        f"{item.http_url} (HTTP), {item.grpc_url} (gRPC): {state}\n"
        f"pid {item.pid}, up {figures.uptime_s:.0f} s, {size(figures.memory_bytes)}{overlays}\n"
        f"forwards to {item.destination}, queue in {item.queue}",
        soft_wrap=True,
    )
    table = Table()
    for column in ("", "accepted", "refused", "sent", "lost", "queue full", "waiting", "of"):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    for name, row in figures.signals.items():
        table.add_row(
            name,
            *(str(n) for n in (row.accepted, row.refused, row.sent, row.failed, row.not_queued)),
            size(row.queue_bytes),
            size(row.queue_capacity_bytes),
        )
    console.print(table)


def overlays(table: Iterable[Overlay]) -> None:
    """Print what overlays there are."""
    rows = Table("overlay", "adds", "needs", box=None, pad_edge=False)
    for overlay in table:
        needs = [*overlay.required, *(["the contrib image"] if overlay.contrib else [])]
        rows.add_row(overlay.name, overlay.summary, ", ".join(needs))
    Console(highlight=False).print(rows)


def once_a_minute(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that says a text, unless it said the same less than a minute ago."""
    said: dict[str, float] = {}

    def limited(text: str) -> None:
        now = time.monotonic()
        for old in [key for key, at in said.items() if now - at >= 60]:
            del said[old]
        # A loss is never left out, and each has its own number.
        if "LOST" in text or text not in said:
            said[text] = now
            say(text)

    return limited
