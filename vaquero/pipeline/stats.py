"""The pipeline's own accounts: what came in, what arrived, what was lost and why."""

from __future__ import annotations

import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from vaquero.pipeline.settings import SIGNALS, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping


class SignalStats(NamedTuple):
    """Counts of one signal, in items (spans, data points, log records).

    Attributes:
        accepted: Taken from the application, or adopted from an ended process.
        sent: In a request that went out at least once.
        acknowledged: In a request that the backend confirmed.
        dropped: Lost, by reason.
        kept: Refused by the backend and kept for ``vaquero spool resend``.
        traces: Root spans in what was acknowledged.
    """

    accepted: int = 0
    sent: int = 0
    acknowledged: int = 0
    dropped: Mapping[str, int] = MappingProxyType({})
    kept: int = 0
    traces: int = 0


class PipelineStats(NamedTuple):
    """True counts since the start of this process (a forked child counts from zero).

    Attributes:
        spans_accepted: Spans taken, those still in the ring included.
        spans_sent: Spans that the backend confirmed.
        traces_sent: Root spans among them.
        spans_dropped: Spans lost, for whatever reason.
        dropped: Spans lost, by reason.
        queue_size: Spans that wait in the ring.
        waiting: Spans in spool or memory store, not yet acknowledged.
        spool_bytes: Bytes that wait on disk, of this process and of adopted ones.
        memory_bytes: Bytes that wait in memory.
        spool_age_s: Age of the oldest request that waits, in seconds; 0.0 for none.
        requests: Requests that were tried, repeats included.
        retries: Requests that were repeated.
        errors: Requests that failed.
        last_flush_time: Unix time of the last acknowledged request; None before the first.
        last_error: What failed last, without any secret; None before the first failure.
        signals: The same counts for each signal.
    """

    spans_accepted: int
    spans_sent: int
    traces_sent: int
    spans_dropped: int
    dropped: Mapping[str, int]
    queue_size: int
    waiting: int
    spool_bytes: int
    memory_bytes: int
    spool_age_s: float
    requests: int
    retries: int
    errors: int
    last_flush_time: float | None
    last_error: str | None
    signals: Mapping[Signal, SignalStats]


class Ledger:
    """Where the threads of the pipeline write their counts.

    The application's threads count nothing here but drops: spans in the ring are counted when the
    writer takes them.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start from zero, with a new lock: for a forked child."""
        self._lock = threading.Lock()
        self._accepted = dict.fromkeys(SIGNALS, 0)
        self._sent = dict.fromkeys(SIGNALS, 0)
        self._acknowledged = dict.fromkeys(SIGNALS, 0)
        self._kept = dict.fromkeys(SIGNALS, 0)
        self._traces = dict.fromkeys(SIGNALS, 0)
        self._dropped: dict[Signal, dict[str, int]] = {signal: {} for signal in SIGNALS}
        self.requests = 0
        self.retries = 0
        self.errors = 0
        self.last_flush_time: float | None = None
        self.last_error: str | None = None

    def accept(self, signal: Signal, items: int) -> None:
        """Count items taken from the application or adopted."""
        with self._lock:
            self._accepted[signal] += items

    def drop(self, signal: Signal, reason: str, items: int) -> None:
        """Count items lost for this reason."""
        if items <= 0:
            return
        with self._lock:
            reasons = self._dropped[signal]
            reasons[reason] = reasons.get(reason, 0) + items

    def send(self, signal: Signal, items: int, *, again: bool) -> None:
        """Count a request that goes out."""
        with self._lock:
            self.requests += 1
            if again:
                self.retries += 1
            else:
                self._sent[signal] += items

    def acknowledge(self, signal: Signal, items: int, traces: int = 0) -> None:
        """Count a request that was confirmed."""
        with self._lock:
            self._acknowledged[signal] += items
            self._traces[signal] += traces
            self.last_flush_time = time.time()

    def keep(self, signal: Signal, items: int) -> None:
        """Count items that were refused and kept for a later resend."""
        with self._lock:
            self._kept[signal] += items

    def fail(self, what: str) -> None:
        """Count a request that failed."""
        with self._lock:
            self.errors += 1
            self.last_error = what

    def signals(self) -> dict[Signal, SignalStats]:
        """A copy of all counts."""
        with self._lock:
            return {
                signal: SignalStats(
                    self._accepted[signal],
                    self._sent[signal],
                    self._acknowledged[signal],
                    dict(self._dropped[signal]),
                    self._kept[signal],
                    self._traces[signal],
                )
                for signal in SIGNALS
            }
