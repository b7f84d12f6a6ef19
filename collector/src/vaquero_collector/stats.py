"""The Collector's own figures, from its page of metrics."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

SIGNALS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
PRIMARY = "otlp_http/primary"

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# These are on this machine: a proxy from the environment has no business with them.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class SignalTotals:
    """What became of one signal, in items (spans, points, log records) since the start.

    Attributes:
        accepted: Taken from senders.
        refused: Not taken; the sender keeps them and sends again.
        sent: Taken by the primary destination.
        failed: Refused by the primary destination for good, and lost.
        not_queued: Not taken into the queue because it was full; the sender was told.
        queue_bytes: What waits for the primary destination, requests under way included.
        queue_capacity_bytes: What may wait.
    """

    accepted: int = 0
    refused: int = 0
    sent: int = 0
    failed: int = 0
    not_queued: int = 0
    queue_bytes: int = 0
    queue_capacity_bytes: int = 0


@dataclass(frozen=True)
class Stats:
    """The Collector's own figures.

    Attributes:
        signals: By `"traces"`, `"metrics"`, `"logs"`.
        memory_bytes: Resident memory.
        cpu_s: Processor time used, in seconds.
        uptime_s: Time since the start, in seconds.
    """

    signals: dict[str, SignalTotals] = field(default_factory=dict[str, SignalTotals])
    memory_bytes: int = 0
    cpu_s: float = 0.0
    uptime_s: float = 0.0

    @property
    def waiting_bytes(self) -> int:
        """What waits for the primary destination, over all signals."""
        return sum(signal.queue_bytes for signal in self.signals.values())


def fetch(url: str, timeout_s: float = 2.0) -> str | None:
    """Return the body of a page on this machine, None where it does not answer with 200."""
    try:
        with _OPENER.open(url, timeout=timeout_s) as answer:
            return answer.read().decode("utf-8", "replace")
    except (urllib.error.URLError, OSError, ValueError):
        return None


def parse(page: str) -> Stats:
    """Return the figures from a page in the text format of Prometheus."""
    samples = list(_samples(page))

    def total(name: str, **labels: str) -> float:
        return sum(
            value
            for found, has, value in samples
            if found == f"otelcol_{name}" and labels.items() <= has.items()
        )

    signals = {
        signal: SignalTotals(
            accepted=int(total(f"receiver_accepted_{items}", receiver="otlp")),
            refused=int(total(f"receiver_refused_{items}", receiver="otlp")),
            sent=int(total(f"exporter_sent_{items}", exporter=PRIMARY)),
            failed=int(total(f"exporter_send_failed_{items}", exporter=PRIMARY)),
            not_queued=int(total(f"exporter_enqueue_failed_{items}", exporter=PRIMARY)),
            queue_bytes=int(total("exporter_queue_size", exporter=PRIMARY, data_type=signal)),
            queue_capacity_bytes=int(
                total("exporter_queue_capacity", exporter=PRIMARY, data_type=signal)
            ),
        )
        for signal, items in SIGNALS.items()
    }
    return Stats(
        signals,
        memory_bytes=int(total("process_memory_rss")),
        cpu_s=total("process_cpu_seconds"),
        uptime_s=total("process_uptime"),
    )


def _samples(page: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in page.splitlines():
        if not line.startswith("#") and (found := _SAMPLE.match(line)):
            try:
                yield found[1], dict(_LABEL.findall(found[2] or "")), float(found[3])
            except ValueError:
                continue
