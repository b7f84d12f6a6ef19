"""What arrived in the viewer's store, printed: operations, gauges, the slowest trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.text import Text
from vaquero_viewer.summary import gauges_table, operations_table, trace_tree

if TYPE_CHECKING:
    from rich.console import RenderableType
    from vaquero_viewer.store import GaugeRow, OperationRow, Store, Trace

#: Where output is not a terminal there is no width to fit into.
_PIPED_WIDTH = 140

_OPERATIONS = 25


@dataclass(frozen=True)
class Arrived:
    """What was read back from the store since a time."""

    operations: list[OperationRow]
    gauges: list[GaugeRow]
    slowest: Trace | None


def read(store: Store, since_ns: int) -> Arrived:
    """Read back what arrived since this time (Unix nanoseconds)."""
    slowest = store.traces(order="slowest", since_ns=since_ns, limit=1)
    return Arrived(
        operations=store.operations(since_ns=since_ns),
        gauges=[row for row in store.gauges() if row.time_ns >= since_ns],
        slowest=store.trace(slowest[0].trace_id, limit=60) if slowest else None,
    )


def print_arrived(store: Store, since_ns: int, *, stderr: bool = True) -> Arrived:
    """Print what arrived since this time; a line where nothing did."""
    arrived = read(store, since_ns)
    console = Console(stderr=stderr)
    if not console.is_terminal:
        console = Console(stderr=stderr, width=_PIPED_WIDTH)
    console.print(_shown(arrived))
    return arrived


def _shown(arrived: Arrived) -> Group:
    parts: list[RenderableType] = [Text("")]
    if arrived.operations:
        parts += [operations_table(arrived.operations, limit=_OPERATIONS), Text("")]
    else:
        parts.append(Text("No spans arrived."))
    if arrived.gauges:
        parts += [gauges_table(arrived.gauges), Text("")]
    else:
        parts.append(Text("No gauges arrived."))
    if arrived.slowest is not None:
        parts += [trace_tree(arrived.slowest), Text("")]
    return Group(*parts)
