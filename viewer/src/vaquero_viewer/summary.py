"""What arrived, as tables and a tree for the terminal.

All text that came from telemetry goes through :class:`rich.text.Text`, so that a span named
``[red]`` shows as it is, and through :func:`clean`, so that it cannot steer the terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from vaquero_viewer.units import duration_text, value_text

if TYPE_CHECKING:
    from vaquero_viewer.store import GaugeRow, OperationRow, Store, Trace
    from vaquero_viewer.store.model import TraceSpan

_MAX_NAME = 80
_MAX_TREE_SPANS = 40
_MAX_SERIES = 8

_FIRST = (
    "system.cpu.utilization",
    "system.memory.utilization",
    "vaquero.disk.io.rate",
    "vaquero.network.io.rate",
    "process.cpu.utilization",
    "process.memory.utilization",
    "vaquero.eventloop.lag",
    "vaquero.gc.share",
)
"""What a person looks for first: the resources of the machine, then the process."""


def clean(text: str, limit: int = _MAX_NAME) -> str:
    """Text without control characters, and not longer than ``limit``."""
    visible = "".join(
        " " if char.isspace() else char
        for char in text[: limit * 4]
        if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def operations_table(rows: Sequence[OperationRow], *, limit: int = 15) -> Table:
    """Operations with count, share of errors and percentiles."""
    table = _table(f"Operations{_more(len(rows), limit)}")
    table.add_column("service", style="dim", max_width=20)
    table.add_column("operation")
    table.add_column("kind", style="dim", no_wrap=True)
    for name in ("count", "errors", "p50", "p95", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows[:limit]:
        errors = f"{row.error_share * 100:.1f} %" if row.errors else "-"
        table.add_row(
            _cell(row.service),
            _cell(row.name),
            row.kind,
            f"{row.count:,}",
            Text(errors, style="bold red" if row.errors else "dim"),
            duration_text(row.p50_ms),
            duration_text(row.p95_ms),
            duration_text(row.p99_ms),
        )
    return table


def gauges_table(rows: Sequence[GaugeRow], *, limit: int = 20) -> Table:
    """Newest values of the gauges, one line a metric; those of the machine come first."""
    metrics = _by_metric(rows)
    table = _table(f"Gauges, newest values{_more(len(metrics), limit)}")
    table.add_column("service", style="dim", max_width=20)
    table.add_column("gauge", no_wrap=True)
    table.add_column("value")
    for (service, name), series in metrics[:limit]:
        table.add_row(_cell(service), _cell(name), _values(series))
    return table


def trace_tree(trace: Trace, *, limit: int = _MAX_TREE_SPANS, title: str = "Slowest trace") -> Tree:
    """One trace as an indented tree with durations."""
    tree = Tree(
        Text.assemble(
            (title, "bold"),
            f"  {duration_text(trace.duration_ms)}, {trace.span_count} spans",
            (f"  {trace.trace_id}", "dim"),
        ),
        guide_style="dim",
    )
    branches = [tree]
    for span in trace.spans[:limit]:
        del branches[span.depth + 1 :]
        branches.append(branches[-1].add(_span_line(span)))
    left = trace.span_count - min(limit, len(trace.spans))
    if left:
        tree.add(Text(f"… and {left} spans more", style="dim"))
    return tree


def print_summary(store: Store, console: Console) -> None:
    """Print operations, gauges and the slowest trace; says so where there is nothing."""
    console.print(summary(store))


def summary(store: Store) -> Group:
    """Operations, gauges and the slowest trace, to be printed."""
    operations = store.operations()
    gauges = store.gauges()
    trace = store.slowest_trace(limit=_MAX_TREE_SPANS)
    parts: list[Table | Tree | Text] = []
    parts.append(operations_table(operations) if operations else Text("No spans arrived."))
    parts.append(gauges_table(gauges) if gauges else Text("No gauges arrived."))
    if trace is not None:
        parts.append(trace_tree(trace))
    return Group(*_spaced(parts))


def _by_metric(rows: Iterable[GaugeRow]) -> list[tuple[tuple[str, str], list[GaugeRow]]]:
    """Rows by service and metric, in the order in which a person looks for them."""
    metrics: dict[tuple[str, str], list[GaugeRow]] = {}
    for row in rows:
        metrics.setdefault((row.series.service, row.series.name), []).append(row)

    def rank(item: tuple[tuple[str, str], list[GaugeRow]]) -> tuple[int, str, str]:
        service, name = item[0]
        return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name, service)

    return sorted(metrics.items(), key=rank)


def _values(series: Sequence[GaugeRow]) -> Text:
    """All values of one metric on one line, each with the attributes that tell it apart."""
    line = Text(no_wrap=True, overflow="ellipsis")
    telling = _telling(series)
    for row in series[:_MAX_SERIES]:
        if line:
            line.append("  ")
        label = " ".join(str(row.series.attributes.get(name, "-")) for name in telling)
        if label:
            line.append(f"{clean(label, 30)} ", style="dim")
        line.append(clean(value_text(row.value, row.series.unit)))
    if len(series) > _MAX_SERIES:
        line.append(f"  and {len(series) - _MAX_SERIES} more", style="dim")
    return line


def _telling(series: Sequence[GaugeRow]) -> list[str]:
    """Names of the attributes in which the series differ; of a single one, all."""
    names = sorted({name for row in series for name in row.series.attributes})
    if len(series) == 1:
        return names
    return [
        name for name in names if len({str(row.series.attributes.get(name)) for row in series}) > 1
    ]


def _span_line(span: TraceSpan) -> Text:
    failed = span.status == "error"
    line = Text(clean(span.name), style="bold red" if failed else "")
    line.append(f"  {duration_text(span.duration_ms)}", style="cyan")
    if failed and span.status_message:
        line.append(f"  {clean(span.status_message)}", style="red")
    return line


def _cell(text: str) -> Text:
    """Text on one line: in a narrow terminal the names give way, not the numbers."""
    return Text(clean(text), no_wrap=True, overflow="ellipsis")


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )


def _more(count: int, limit: int) -> str:
    return f" ({limit} of {count})" if count > limit else ""


def _spaced(parts: Iterable[Table | Tree | Text]) -> Iterable[Table | Tree | Text]:
    for part in parts:
        yield part
        yield Text("")
