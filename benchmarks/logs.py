"""What a log record costs its caller: our bridge against the SDK's ``LoggingHandler``.

Run ``python -m benchmarks.logs``. A busy program of four threads works a little and logs, 100 000
records in all: once bare, once with vaquero, once with the SDK's handler, batch processor and OTLP
exporter. Programs are processes of their own and run in turns; the receiver is in this one and
counts each record. The cost is CPU time of the calling threads, less that of the bare program;
ratios are what can be compared between machines.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.support.otlp_receiver import OtlpReceiver

RECORDS = 100_000
THREADS = 4
ROUNDS = 3
SUBJECTS = ("bare", "vaquero", "upstream")


def main() -> int:
    """Print the table; 1 where vaquero lost or repeated a record, or costs more than half."""
    costs: dict[str, list[float]] = {subject: [] for subject in SUBJECTS}
    wrong: dict[str, list[str]] = {subject: [] for subject in SUBJECTS}
    with OtlpReceiver() as receiver:
        for subject in SUBJECTS * ROUNDS:
            receiver.requests.clear()
            costs[subject].append(_run(subject, receiver.url))
            wrong[subject].append(_arrived(receiver))
    bare = median(costs["bare"])
    ratios = [
        (ours - plain) / (theirs - plain)
        for plain, ours, theirs in zip(*(costs[name] for name in SUBJECTS), strict=True)
    ]
    print("| | caller's CPU for one record | added | arrived of 100 000 |")
    print("|---|---|---|---|")
    for subject in SUBJECTS:
        cost = median(costs[subject])
        arrived = "" if subject == "bare" else "; ".join(wrong[subject])
        print(f"| {subject} | {cost:.2f} µs | {cost - bare:.2f} µs | {arrived} |")
    print(f"\nadded by vaquero / added by upstream: {median(ratios):.2f} (rounds: "
          + ", ".join(f"{ratio:.2f}" for ratio in ratios) + ")")  # fmt: skip
    whole = all(said == "each once" for said in wrong["vaquero"])
    return 0 if whole and median(ratios) <= 0.5 else 1


def _run(subject: str, endpoint: str) -> float:
    own = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": "busy",
        "VAQUERO_GAUGES": "false",
        "VAQUERO_SPOOL": "false",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.logs", subject],
        env={**own, **settings},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    return float(done.stdout)


def _arrived(receiver: OtlpReceiver) -> str:
    counts = Counter(receiver.log_bodies)
    twice = sum(1 for number in counts.values() if number > 1)
    if len(counts) == RECORDS and not twice:
        return "each once"
    return f"{len(counts)}" + (f", {twice} twice" if twice else "")


def program(subject: str) -> float:
    """The busy program: microseconds of CPU time of its threads for one record."""
    logging.basicConfig(stream=open(os.devnull, "w"), level=logging.INFO)
    finish = {"bare": _bare, "vaquero": _vaquero, "upstream": _upstream}[subject]()
    cpu: list[float] = []

    def work(first: int) -> None:
        logger = logging.getLogger(f"shop.{first}")
        begun = time.thread_time()
        for number in range(first, RECORDS, THREADS):
            _one(logger, number)
        cpu.append(time.thread_time() - begun)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish()
    return sum(cpu) / RECORDS * 1e6


def _one(logger: logging.Logger, number: int) -> None:
    sum(range(1500))  # What a program does beside logging.
    logger.info("order %d of %s", number, "customer", extra={"order": number, "route": "/pay"})


def _bare() -> Callable[[], Any]:
    return lambda: None


def _vaquero() -> Callable[[], Any]:
    import vaquero

    vaquero.init(traces_exporter="none", metrics_exporter="none")
    return lambda: (vaquero.flush(60), vaquero.shutdown())


def _upstream() -> Callable[[], Any]:
    import warnings

    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    warnings.simplefilter("ignore")
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    logging.getLogger().addHandler(LoggingHandler(logging.INFO, provider))
    return lambda: (provider.force_flush(60_000), provider.shutdown())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(program(sys.argv[1]))
    else:
        raise SystemExit(main())
