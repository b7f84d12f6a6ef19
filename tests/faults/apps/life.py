"""A program that makes spans and ends in a chosen way: ``life.py WAY COUNT``.

``ENDPOINT``, ``SPOOL`` and ``REPORT`` come from the environment. The report (JSON) holds the
pipeline's counts and how long the exit took; a process that is killed leaves none.
"""

import atexit
import concurrent.futures
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

ENDED_S = 0.0


def report() -> None:
    # Registered before the pipeline's hook, so it runs after it.
    stats = PIPELINE.stats()
    Path(os.environ["REPORT"]).write_text(
        json.dumps(
            {
                "exit_s": time.monotonic() - ENDED_S if ENDED_S else None,
                "accepted": stats.spans_accepted,
                "sent": stats.spans_sent,
                "dropped": dict(stats.dropped),
                "retries": stats.retries,
                "last_error": stats.last_error,
            }
        )
    )


def late_spans() -> None:
    if WAY in ("late", "late_only"):
        spans("late", COUNT)


if __name__ == "__main__":
    atexit.register(report)
    atexit.register(late_spans)

WAY, COUNT = sys.argv[1], int(sys.argv[2])


def by_hand() -> tuple[Any, Any]:
    """A pipeline behind a provider of the SDK."""
    from opentelemetry.sdk.trace import TracerProvider

    from vaquero.pipeline import Destination, Pipeline, PipelineSettings, SpanProcessor

    destination = Destination(
        os.environ["ENDPOINT"],
        protocol=os.environ.get("PROTOCOL", "http/protobuf"),  # type: ignore[arg-type]
        named_by_user=os.environ.get("NAMED", "1") == "1",
    )
    settings = PipelineSettings(traces=destination, spool_dir=Path(os.environ["SPOOL"]))
    pipeline = Pipeline(settings)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(pipeline))
    return pipeline, provider.get_tracer("faults")


def by_init() -> tuple[Any, Any]:
    """The whole of vaquero, as an application starts it; gauges off, as spans are counted here."""
    import vaquero

    sdk = vaquero.init(
        endpoint=os.environ["ENDPOINT"].removesuffix("/v1/traces"),
        service_name="faults",
        gauges=False,
        logs=False,
        metrics_exporter="none",
        spool_dir=os.environ["SPOOL"],
    )
    return sdk.pipeline, sdk.tracer_provider.get_tracer("faults")


PIPELINE, TRACER = by_init() if os.environ.get("BY") == "init" else by_hand()


def spans(role: str, count: int) -> None:
    for number in range(count):
        with TRACER.start_as_current_span(f"{role}-{number}") as span:
            span.set_attribute("number", number)
            span.set_attribute("text", "some text that is not short, as in real life")


def child(role: str) -> None:
    spans(role, COUNT)


def pool_child(number: int) -> int:
    spans(f"pool{number}", 5)
    return number


def bounded_loss() -> None:
    # What any death may lose is what was ended in the last 100 ms: let them pass.
    time.sleep(0.15)


def way_exit() -> None:
    spans("main", COUNT)


def way_sys_exit() -> None:
    spans("main", COUNT)
    sys.exit(3)


def way_exception() -> None:
    spans("main", COUNT)
    raise LookupError("as planned")


def way_late() -> None:
    spans("main", COUNT)


def way_late_only() -> None:
    """Not a single span before the exit has begun."""


def way_thread() -> None:
    thread = threading.Thread(target=spans, args=("thread", COUNT))
    thread.start()  # not joined: the interpreter waits for it
    spans("main", COUNT)


def way_sigterm() -> None:
    spans("main", COUNT)
    bounded_loss()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


def way_sigterm_handler() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
    spans("main", COUNT)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


def way_sigint() -> None:
    spans("main", COUNT)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)


def way_os_exit() -> None:
    spans("main", COUNT)
    bounded_loss()
    os._exit(7)


def way_kill() -> None:
    spans("main", COUNT)
    bounded_loss()
    os.kill(os.getpid(), signal.SIGKILL)


def way_fork() -> None:
    spans("before", COUNT)
    pid = os.fork()
    if pid == 0:
        spans("child", COUNT)
        bounded_loss()
        os._exit(0)
    spans("main", COUNT)
    os.waitpid(pid, 0)


def way_fork_sys_exit() -> None:
    spans("before", COUNT)
    pid = os.fork()
    if pid == 0:
        atexit.unregister(report)
        spans("child", COUNT)
        sys.exit(0)
    spans("main", COUNT)
    os.waitpid(pid, 0)


def multiprocess(method: str) -> None:
    context = multiprocessing.get_context(method)
    spans("before", COUNT)
    children = [context.Process(target=child, args=(f"child{n}",)) for n in range(2)]
    for one in children:
        one.start()
    spans("main", COUNT)
    for one in children:
        one.join()


def way_mp_fork() -> None:
    multiprocess("fork")


def way_mp_spawn() -> None:
    multiprocess("spawn")


def way_mp_forkserver() -> None:
    multiprocess("forkserver")


def way_process_pool() -> None:
    spans("main", COUNT)
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        list(pool.map(pool_child, range(6)))


def way_recover() -> None:
    PIPELINE.flush(5)


def way_busy_forks() -> None:
    """Fork again and again while threads end spans: COUNT forks."""
    stop = threading.Event()

    def work(role: str) -> None:
        number = 0
        while not stop.is_set():
            with TRACER.start_as_current_span(f"{role}-{number}"):
                number += 1

    threads = [threading.Thread(target=work, args=(f"busy{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for number in range(COUNT):
        pid = os.fork()
        if pid == 0:
            with TRACER.start_as_current_span(f"fork-{number}"):
                pass
            PIPELINE.flush(5)
            os._exit(0)
        deadline = time.monotonic() + 20
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                print("hung", flush=True)
                break
            time.sleep(0.002)
    stop.set()
    for thread in threads:
        thread.join()


def way_nothing() -> None:
    """Ends without a single span."""


if __name__ == "__main__":
    try:
        globals()[f"way_{WAY}"]()
    finally:
        ENDED_S = time.monotonic()
