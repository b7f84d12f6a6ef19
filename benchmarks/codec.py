"""What encoding costs: our codec against the SDK's ``encode_spans(...).SerializeToString()``.

Run ``python -m benchmarks.codec``. Both work on the same spans in one process, in turns, and the
table shows medians of CPU time and their ratio; ratios are what can be compared between machines.
The second table shows what the SDK's encoders of metrics and logs cost; the third what ending a
span costs its caller in a burst, whatever the backend answers.
"""

from __future__ import annotations

import gc
import http.server
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vaquero.pipeline import Destination, Pipeline, PipelineSettings
from vaquero.pipeline import SpanProcessor as OwnSpanProcessor
from vaquero.pipeline.otlp.foreign_spans import from_readable
from vaquero.pipeline.otlp.span_batches import SpanCodec
from vaquero.redaction import Redactor

SPANS = 512
SLICE = 256
ROUNDS = 15
BURST = 10_000

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"


def none(_: int) -> dict[str, Any]:
    """No attributes."""
    return {}


def short(number: int) -> dict[str, Any]:
    """Five short attributes."""
    return {
        "tenant": f"t{number % 20}",
        "items": number % 50,
        "cached": number % 2 == 0,
        "score": number / 7,
        "route": "/checkout",
    }


def realistic(number: int) -> dict[str, Any]:
    """Ten attributes of a server span; five of them are different in nearly each span."""
    return {
        "http.request.method": "GET",
        "url.path": f"/api/v1/orders/{number}",
        "url.query": f"page={number % 9}&sort=-created",
        "http.route": "/api/v1/orders/{id}",
        "http.response.status_code": 200 if number % 20 else 404,
        "server.address": "shop.example.com",
        "server.port": 443,
        "client.address": f"203.0.113.{number % 250}",
        "user_agent.original": AGENT,
        "enduser.id": f"user-{number * 7919 % 100_000}",
    }


def twenty(number: int) -> dict[str, Any]:
    """The ten, with a database statement, a URL, a list and more."""
    return realistic(number) | {
        "url.full": f"https://shop.example.com/api/v1/orders/{number}?page={number % 9}",
        "db.system.name": "postgresql",
        "db.namespace": "shop",
        "db.query.text": "SELECT id, total FROM orders WHERE customer_id = $1 AND open = $2",
        "db.query.summary": "SELECT orders",
        "db.response.returned_rows": number % 30,
        "messaging.message.id": f"m-{number:08x}",
        "feature.flags": ("new-cart", "fast-checkout"),
        "cache.hit": number % 3 == 0,
        "duration.queue_ms": number / 3,
    }


def finished(attributes: Callable[[int], dict[str, Any]]) -> list[ReadableSpan]:
    """Finished spans of the SDK, each with these attributes."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("benchmark", "1.0")
    with tracer.start_as_current_span("root"):
        for number in range(SPANS):
            with tracer.start_as_current_span("work", attributes=attributes(number)):
                pass
    return list(memory.get_finished_spans())


def in_turns(work: Sequence[Callable[[], object]], rounds: int = ROUNDS) -> list[float]:
    """Median CPU seconds of each piece of work; all take turns, so all see the same machine."""
    taken: list[list[float]] = [[] for _ in work]
    for _ in range(rounds):
        for piece, times in zip(work, taken, strict=True):
            started = time.thread_time()
            piece()
            times.append(time.thread_time() - started)
    return [statistics.median(times) for times in taken]


def encode(codec: SpanCodec, spans: Sequence[Any]) -> bytes:
    """As the pipeline's writer does it: in slices, to yield the interpreter."""
    return b"".join(
        request.body
        for start in range(0, len(spans), SLICE)
        for request in codec.encode(spans[start : start + SLICE]).requests
    )


def checked(codec: SpanCodec, spans: list[ReadableSpan]) -> None:
    """A benchmark of a wrong result would be worth nothing."""
    ours = ExportTraceServiceRequest.FromString(encode(codec, spans))
    theirs = encode_spans(spans)
    found = [
        span
        for request in (ours, theirs)
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]
    if found[: len(spans)] != found[len(spans) :]:
        raise SystemExit("The codec and the SDK disagree: nothing to compare.")


def trace_table() -> None:
    """Print the table of spans."""
    print(f"Spans: CPU us per span, median of {ROUNDS} turns, {SPANS} spans a turn (x: ratio)")
    heads = ("SDK", "SDK spans", "redacted", "own spans", "redacted")
    print(f"{'attributes':>12} " + "".join(f"{head:>16}" for head in heads))
    for name, attributes in (
        ("0", none), ("5 short", short), ("10 realistic", realistic), ("20", twenty),
    ):  # fmt: skip
        spans = finished(attributes)
        records = [from_readable(span) for span in spans]
        plain, redacting = SpanCodec(None), SpanCodec(Redactor())
        checked(plain, spans)
        times = in_turns(
            [
                lambda spans=spans: encode_spans(spans).SerializeToString(),
                lambda spans=spans, codec=plain: encode(codec, spans),
                lambda spans=spans, codec=redacting: encode(codec, spans),
                lambda records=records, codec=plain: encode(codec, records),
                lambda records=records, codec=redacting: encode(codec, records),
            ]
        )
        cells = [f"{times[0] / len(spans) * 1e6:.1f}"] + [
            f"{each / len(spans) * 1e6:.1f} (x{each / times[0]:.2f})" for each in times[1:]
        ]
        print(f"{name:>12} " + "".join(f"{cell:>16}" for cell in cells))


def others_table() -> None:
    """Print what the SDK's encoders of the other signals cost."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("benchmark")
    for number in range(40):
        counter = meter.create_counter(f"counter.{number}")
        for state in ("a", "b", "c", "d", "e"):
            counter.add(1, {"state": state, "host": "h"})
    collected = reader.get_metrics_data()
    points = 40 * 5
    (metrics,) = in_turns([lambda: encode_metrics(collected).SerializeToString()])
    print()
    print(f"Metrics (SDK's encoder): {metrics / points * 1e6:.1f} us per point")
    per_second = metrics / 60
    print(f"  {points} points once a minute take {per_second * 100:.5f} % of one CPU")
    provider.shutdown()


def burst(processor: SpanProcessor) -> list[float]:
    """CPU seconds of the caller for each of 10,000 spans ended in a row, cheapest first."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("benchmark")
    spans = [tracer.start_span("x", attributes={"a": "b" * 50}) for _ in range(BURST)]
    costs: list[float] = []
    for span in spans:
        started = time.thread_time()
        span.end()
        costs.append(time.thread_time() - started)
    return sorted(costs)


@contextmanager
def backend(status: int) -> Iterator[str]:
    """The URL of a server that answers every request with this status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        server.shutdown()


def caller_table() -> None:
    """Print what a burst costs the thread that ends the spans.

    The SDK's processor drops what its queue has no room for; with ours the caller encodes it.
    """
    print()
    print(f"Ending a span: CPU us of its caller, {BURST} spans in a row (x: ratio)")
    print(f"{'answer':>12} {'SDK p50':>10} {'p99.9':>8} {'pipeline p50':>16} {'p99.9':>16}")
    at_p999 = BURST * 999 // 1000
    for status in (200, 503, 400):
        with backend(status) as url, tempfile.TemporaryDirectory() as folder:
            destination = Destination(url, named_by_user=True)
            pipeline = Pipeline(PipelineSettings(traces=destination, spool_dir=Path(folder)))
            theirs = BatchSpanProcessor(InMemorySpanExporter())
            sdk, ours = burst(theirs), burst(OwnSpanProcessor(pipeline))
            theirs.shutdown()
            pipeline.shutdown(1.0)
        cells = [f"{sdk[at] * 1e6:.1f}" for at in (BURST // 2, at_p999)]
        cells += [
            f"{ours[at] * 1e6:.1f} (x{ours[at] / sdk[at]:.2f})" for at in (BURST // 2, at_p999)
        ]
        print(f"{status:>12} {cells[0]:>10} {cells[1]:>8} {cells[2]:>16} {cells[3]:>16}")


def main() -> None:
    """Print the tables."""
    gc.collect()
    gc.freeze()
    trace_table()
    others_table()
    caller_table()


if __name__ == "__main__":
    main()
