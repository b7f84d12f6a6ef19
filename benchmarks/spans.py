"""What a span costs the thread that makes it, and the whole process until it has arrived."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from benchmarks.harness import Row, compare, ratios_of, rounds, workers
from benchmarks.sink import Sink
from benchmarks.subjects import BARE, PEERS, VAQUERO, VARIANTS, Subject

CALLER_TARGETS = {
    "empty": "≤ 0.40",
    "5 attributes": "≤ 0.40",
    "decorated, sync": "≤ 0.40",
    "decorated, async": "≤ 0.40",
    "nested, 5 deep": "≤ 0.45",
    "vaquero.span": "≤ 0.40",
    "@vaquero.trace": "≤ 0.40",
}
CALLER = (
    *CALLER_TARGETS,
    "10 realistic attributes",
    "20 attributes",
    "5 attributes, set one by one",
    "asyncio tasks",
    "1 event",
    "1 exception",
    "1 threads",
    "4 threads",
    "16 threads",
)
SHORT = (
    "empty",
    "5 attributes",
    "decorated, sync",
    "decorated, async",
    "vaquero.span",
    "@vaquero.trace",
)


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rounds: Interleaved rounds for the caller.
        chunk: Spans in one round, below every threshold at which a batch is sent.
        long_rounds: Interleaved rounds of the long runs.
        long_count: Spans in one long run.
        requests: Requests in one round of the ASGI application.
    """

    rounds: int = 15
    chunk: int = 400
    long_rounds: int = 5
    long_count: int = 20_000
    requests: int = 4_000


QUICK = Size(rounds=5, long_rounds=2, long_count=6_000, requests=1_200)


def caller_rows(sink: Sink, size: Size) -> list[Row]:
    """CPU of the calling thread: sampled, not sampled and disabled."""
    made: list[Row] = []
    with workers(_present(BARE, VAQUERO, *PEERS), sink.endpoint, "") as running:
        for name in CALLER:
            base, ratios = compare(
                running, size.rounds, "us", "caller", workload=name, count=size.chunk
            )
            made.append(Row(f"caller: {name}", base, "us", ratios, CALLER_TARGETS.get(name, "")))
    for mode, said, target in (
        ("unsampled", "not sampled", "≤ 0.50"),
        ("disabled", "disabled", "≤ 0.25"),
    ):
        with workers(_present(BARE, VAQUERO), sink.endpoint, mode) as running:
            for name in SHORT:
                base, ratios = compare(
                    running, size.rounds, "us", "caller", workload=name, count=size.chunk
                )
                made.append(Row(f"caller, {said}: {name}", base, "us", ratios, target))
    return made


def end_to_end_rows(sink: Sink, size: Size) -> list[Row]:
    """CPU of the process and spans a second until the receiver has them all."""
    made: list[Row] = []
    # Only peers that speak OTLP: the others' spans cannot be counted by the receiver.
    subjects = _present(BARE, VAQUERO, *VARIANTS, PEERS[0])
    with workers(subjects, sink.endpoint, "") as running:
        for name in ("empty", "5 attributes", "10 realistic attributes"):
            sink.taken()
            seen = rounds(
                running, size.long_rounds, "endtoend", workload=name, count=size.long_count
            )
            wanted = len(running) * size.long_rounds * size.long_count
            arrived, _ = sink.taken()
            if arrived != wanted:
                raise RuntimeError(f"{wanted - arrived} of {wanted} spans did not arrive")
            base, ratios = ratios_of(running, seen, "us")
            made.append(Row(f"end to end, CPU a span: {name}", base, "us", ratios, "≤ 0.30"))
            base, ratios = ratios_of(running, seen, "per_s")
            made.append(Row(f"end to end, throughput: {name}", base, "spans/s", ratios, "≥ 3"))
    return made


def asgi_rows(sink: Sink, size: Size) -> list[Row]:
    """An ASGI application behind the contrib middleware, spans and metrics sent."""
    if importlib.util.find_spec("opentelemetry.instrumentation.asgi") is None:
        return []
    made: list[Row] = []
    with workers(_present(BARE, VAQUERO, *VARIANTS), sink.endpoint, "metrics") as running:
        seen = rounds(running, size.long_rounds, "asgi", requests=size.requests, middleware=True)
        for field, name, unit in (
            ("us", "CPU a request", "us"),
            ("per_s", "requests a second", "1/s"),
            ("p99_ms", "99th percentile", "ms"),
        ):
            base, ratios = ratios_of(running, seen, field)
            made.append(Row(f"ASGI: {name}", base, unit, ratios))
    return made


def _present(*subjects: Subject) -> list[Subject]:
    return [subject for subject in subjects if subject.installed]
