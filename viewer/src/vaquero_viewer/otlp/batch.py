"""What one request becomes: rows in the column order of :mod:`vaquero_viewer.store.schema`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from vaquero_viewer.otlp.runs import Run

Row = tuple[Any, ...]

MAX_NS = 2**63 - 1
"""Largest time that the store can hold, in nanoseconds since the epoch (the year 2262)."""


@dataclass
class Batch:
    """Rows of one request, and what of it could not be taken.

    Attributes:
        received_ns: When the request arrived, nanoseconds since the epoch.
        size_bytes: Length of the decompressed body, for the bounds of the queue.
        resources: Resource id -> row of ``resources``.
        scopes: Scope id -> row of ``scopes``.
        series: Series id -> row of ``metric_series``.
        runs: Run id -> what the request says about that run.
        spans: Rows of ``spans``, unique by (trace id, span id); the store adds the number of its
            commit, and makes the fingerprint of (statement, system of the database).
        points: Rows of ``metric_points``, unique by (series id, time).
        logs: Rows of ``logs``, unique by (time, content hash).
        rejected: Records of the request that cannot be stored, ever.
        reasons: Why, one line per distinct reason, in the order met.
        repeated: Records that the request held twice.
    """

    received_ns: int
    size_bytes: int = 0
    resources: dict[int, Row] = field(default_factory=dict[int, Row])
    scopes: dict[int, Row] = field(default_factory=dict[int, Row])
    series: dict[int, Row] = field(default_factory=dict[int, Row])
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    spans: dict[tuple[str, int], Row] = field(default_factory=dict[tuple[str, int], Row])
    points: dict[tuple[int, int], Row] = field(default_factory=dict[tuple[int, int], Row])
    logs: dict[tuple[int, int], Row] = field(default_factory=dict[tuple[int, int], Row])
    rejected: int = 0
    reasons: list[str] = field(default_factory=list[str])
    repeated: int = 0

    @property
    def row_count(self) -> int:
        """Spans, points and logs together."""
        return len(self.spans) + len(self.points) + len(self.logs)

    def add_run(self, run: Run) -> None:
        """Take in what one piece of telemetry says about a run."""
        known = self.runs.get(run.run_id)
        if known is None:
            self.runs[run.run_id] = replace(run)
        else:
            known.merge(run)

    def reject(self, reason: str, count: int = 1) -> None:
        """Count ``count`` records that cannot be stored because of ``reason``."""
        self.rejected += count
        if reason not in self.reasons:
            self.reasons.append(reason)
