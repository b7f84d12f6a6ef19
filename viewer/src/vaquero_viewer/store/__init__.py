"""The store: spans, metrics and logs in one DuckDB database of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import duckdb

from vaquero_viewer.errors import StoreError
from vaquero_viewer.otlp.batch import Batch
from vaquero_viewer.otlp.runs import Run
from vaquero_viewer.store import logs as _logs
from vaquero_viewer.store import metrics as _metrics
from vaquero_viewer.store import operations as _operations
from vaquero_viewer.store import runs as _runs
from vaquero_viewer.store import traces as _traces
from vaquero_viewer.store.insertion import Inserted
from vaquero_viewer.store.model import (
    Counts,
    GaugeRow,
    LogRow,
    OperationRow,
    Point,
    RollupRow,
    SeriesRow,
    ServiceRow,
    Trace,
    TraceSummary,
)
from vaquero_viewer.store.opening import Database
from vaquero_viewer.store.reading import STORE, Reader
from vaquero_viewer.store.retention import Retention
from vaquero_viewer.store.writer import Writer

DEFAULT_MAX_SIZE_BYTES = 512 * 2**20
MIN_MAX_SIZE_BYTES = 16 * 2**20
DEFAULT_MAX_AGE_S = 7 * 24 * 3600.0
_MEMORY_BESIDE_DATA_BYTES = 256 * 2**20

__all__ = [
    "DEFAULT_MAX_AGE_S",
    "DEFAULT_MAX_SIZE_BYTES",
    "MIN_MAX_SIZE_BYTES",
    "Counts",
    "GaugeRow",
    "LogRow",
    "OperationRow",
    "Point",
    "RollupRow",
    "Run",
    "SeriesRow",
    "ServiceRow",
    "Store",
    "Trace",
    "TraceSummary",
]


class Store:
    """One open database: written by a thread of its own, read from any thread.

    Times are nanoseconds since the epoch, durations milliseconds.

    Args:
        path: The database file, made where it is missing; ``None`` keeps all in memory.
        max_size_bytes: What the file may take. The data in it is kept below three quarters of
            that: the oldest rows are dropped, and counted.
        max_age_s: How long a record is kept, in seconds.
        clear: Empty the store first.
        read_only: Change nothing: the file must be there, and of this version of the tables.

    Raises:
        StoreLocked: If another process has the file open.
        StoreError: If the file cannot be used, or is of a newer version of the tables.
        ValueError: If a bound is too small to hold anything.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        max_size_bytes: int = DEFAULT_MAX_SIZE_BYTES,
        max_age_s: float = DEFAULT_MAX_AGE_S,
        clear: bool = False,
        read_only: bool = False,
    ) -> None:
        if max_size_bytes < MIN_MAX_SIZE_BYTES:
            raise ValueError(
                f"max_size_bytes={max_size_bytes} is not usable: expected at least "
                f"{MIN_MAX_SIZE_BYTES} (16 MiB)"
            )
        if not max_age_s > 0:
            raise ValueError(f"max_age_s={max_age_s} is not usable: expected seconds above 0")
        self.path = path
        self.max_size_bytes = max_size_bytes
        self._counted: tuple[int, tuple[Any, ...]] | None = None
        # In memory the tables are there twice while they are written anew.
        memory = _MEMORY_BESIDE_DATA_BYTES + (2 * max_size_bytes if path is None else 0)
        self._database = Database(
            path,
            memory_limit_bytes=memory,
            log_limit_bytes=min(16_000_000, max_size_bytes // 8),
            read_only=read_only,
        )
        try:
            self._retention = Retention(
                self._database, max_size_bytes=max_size_bytes, max_age_s=max_age_s
            )
            self._reader = Reader(self._database)
            self._writer = None if read_only else Writer(self._database, self._retention)
            if clear:
                self.clear()
        except BaseException as error:
            self._database.close()
            if not isinstance(error, duckdb.Error):
                raise
            text = str(error).strip().splitlines()[0]
            raise StoreError(
                f"{path} cannot be used: {text}; nothing was changed: give another file with --path"
            ) from None

    @property
    def notices(self) -> list[str]:
        """Lines for a person: what happened to a file that could not be used."""
        return self._database.notices

    @property
    def version(self) -> int:
        """A number that grows whenever the contents change."""
        return 1 if self._writer is None else self._writer.version

    @property
    def failure(self) -> str | None:
        """Why the last write failed; ``None`` when it did not."""
        return None if self._writer is None else self._writer.failure

    def submit(self, batch: Batch) -> Future[None]:
        """Queue rows; the future is done once they are committed.

        Raises:
            Busy: If too many rows wait already. The future may hold a ``RequestError``.
            StoreError: If the store was opened to be read only.
        """
        return self._to_write.submit(batch)

    def clear(self) -> None:
        """Empty the store and count from zero; returns once that is done.

        Raises:
            Busy: If the store is closed or cannot write.
            StoreError: If the store was opened to be read only.
        """
        self._to_write.clear().result()

    def close(self) -> None:
        """Write what is queued and close the file."""
        if self._writer is not None:
            self._writer.close()
        self._database.close()

    @property
    def _to_write(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"{self.path} was opened to be read only")
        return self._writer

    def counts(self) -> Counts:
        """How much the store holds, and what it dropped."""
        # Asked each second by the page: counted anew only when something changed.
        version = self.version
        if self._counted is None or self._counted[0] != version:
            row = self._reader.row(
                f"SELECT (SELECT count(*) FROM {STORE}.spans), "
                f"(SELECT count(DISTINCT trace_id) FROM {STORE}.spans), "
                f"(SELECT count(*) FROM {STORE}.metric_points), "
                f"(SELECT count(*) FROM {STORE}.metric_series), "
                f"(SELECT count(*) FROM {STORE}.logs)"
            )
            self._counted = (version, row)
        row = self._counted[1]
        inserted = Inserted() if self._writer is None else self._writer.inserted
        dropped = self._retention.dropped
        return Counts(
            *row,
            used_bytes=self._retention.used_bytes(self._reader),
            max_size_bytes=self.max_size_bytes,
            inserted=inserted.total,
            repeated=inserted.repeated,
            dropped_spans=dropped.spans,
            dropped_metric_points=dropped.metric_points,
            dropped_logs=dropped.logs,
        )

    def services(self) -> list[ServiceRow]:
        """All services that sent anything, by name."""
        return _traces.services(self._reader)

    def operations(
        self, service: str | None = None, since_ns: int | None = None, *, limit: int = 500
    ) -> list[OperationRow]:
        """Count, error share and percentiles by service, span name and kind.

        Those in which most time was spent come first.
        """
        return _traces.operations(self._reader, service, since_ns, limit)

    def rollups(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        step_s: int | None = None,
        service: str | None = None,
        run_id: str | None = None,
        by: Sequence[str] = ("service", "name", "kind", "route"),
        limit: int = 5000,
    ) -> list[RollupRow]:
        """Counts and percentiles by operation, and over time with ``step_s`` seconds a row.

        From the roll-ups: their cost does not grow with the spans. Percentiles are within
        0.55 % of those of the spans, all else is exact. ``since_ns`` is rounded down and
        ``until_ns`` up to 10 s.

        Raises:
            ValueError: If ``step_s`` is no multiple of 10, or ``by`` has another name than
                ``service``, ``name``, ``kind``, ``route``, ``run``.
        """
        return _operations.rollups(
            self._reader,
            since_ns=since_ns,
            until_ns=until_ns,
            step_s=step_s,
            service=service,
            run_id=run_id,
            by=by,
            limit=limit,
        )

    def runs(self, *, service: str | None = None, limit: int = 200) -> list[Run]:
        """Runs of programs, those that began last first."""
        return _runs.runs(self._reader, service=service, limit=limit)

    def traces(
        self,
        *,
        order: _traces.Order = "recent",
        service: str | None = None,
        operation: str | None = None,
        errors_only: bool = False,
        since_ns: int | None = None,
        limit: int = 50,
    ) -> list[TraceSummary]:
        """Traces with a span that meets all conditions, newest or slowest first."""
        return _traces.traces(
            self._reader,
            order=order,
            service=service,
            operation=operation,
            errors_only=errors_only,
            since_ns=since_ns,
            limit=limit,
        )

    def trace(self, trace_id: str, *, limit: int = 5000) -> Trace | None:
        """One trace (32 hexadecimal digits) as a tree; ``None`` if it is not in the store."""
        return _traces.trace(self._reader, trace_id, limit)

    def slowest_trace(self, *, limit: int = 5000) -> Trace | None:
        """The trace that took longest; ``None`` if there are no spans."""
        trace_id = _traces.slowest_trace_id(self._reader)
        return None if trace_id is None else self.trace(trace_id, limit=limit)

    def series(
        self,
        *,
        service: str | None = None,
        name: str | None = None,
        kind: str | None = None,
        limit: int = 2000,
    ) -> list[SeriesRow]:
        """All metric series that meet the conditions."""
        return _metrics.series(self._reader, service=service, name=name, kind=kind, limit=limit)

    def gauges(
        self,
        *,
        service: str | None = None,
        name: str | None = None,
        kind: str | None = "gauge",
        history_s: float | None = None,
        limit: int = 1000,
    ) -> list[GaugeRow]:
        """Newest value of each gauge series (of sums too with ``kind=None``)."""
        return _metrics.newest(
            self._reader, service=service, name=name, kind=kind, history_s=history_s, limit=limit
        )

    def points(
        self,
        name: str,
        *,
        service: str | None = None,
        series_id: str | None = None,
        since_ns: int | None = None,
        limit: int = 500,
    ) -> list[tuple[SeriesRow, list[Point]]]:
        """The newest points of each series of one metric, in the order of time."""
        return _metrics.points(
            self._reader,
            name=name,
            service=service,
            series_id=series_id,
            since_ns=since_ns,
            limit=limit,
        )

    def logs(
        self,
        *,
        service: str | None = None,
        min_severity: int | None = None,
        contains: str | None = None,
        trace_id: str | None = None,
        since_ns: int | None = None,
        limit: int = 200,
    ) -> list[LogRow]:
        """Log records that meet all conditions, newest first."""
        return _logs.logs(
            self._reader,
            service=service,
            min_severity=min_severity,
            contains=contains,
            trace_id=trace_id,
            since_ns=since_ns,
            limit=limit,
        )
