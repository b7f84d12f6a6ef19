"""One subject in a process of its own; takes orders on stdin, one JSON object a line."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from typing import Any

from benchmarks import workloads
from benchmarks.subjects import ALL
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Set the subject up and carry out orders until stdin ends."""
    name, endpoint, mode = sys.argv[1:4]
    tracer, flush = ALL[name].start(endpoint, mode)
    if ALL[name].package == "vaquero":
        workloads.facade_module = importlib.import_module("vaquero")
    orders = {"caller": _caller, "endtoend": _end_to_end, "asgi": _asgi}
    print("{}", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        done = orders[order.pop("what")](tracer, flush, **order)
        print(json.dumps(done), flush=True)


def _caller(tracer: Any, flush: Any, workload: str, count: int) -> dict[str, float]:
    """CPU of the calling thread for each span, in microseconds; what was made is sent afterwards.

    Where threads make the spans it is the process's.
    """
    work = WORKLOADS[workload]
    clock = time.process_time if "threads" in workload else time.thread_time
    work(tracer, count // 10)
    gc.collect()
    begun = clock()
    work(tracer, count)
    took = clock() - begun
    flush()
    return {"us": took / count * 1e6}


def _end_to_end(tracer: Any, flush: Any, workload: str, count: int) -> dict[str, float]:
    """CPU of the whole process until the receiver has all, and how long that took."""
    work = WORKLOADS[workload]
    flush()
    gc.collect()
    begun, begun_at = time.process_time(), time.perf_counter()
    work(tracer, count)
    flush()
    took, lasted = time.process_time() - begun, time.perf_counter() - begun_at
    return {"us": took / count * 1e6, "per_s": count / lasted}


def _asgi(tracer: Any, flush: Any, requests: int, middleware: bool) -> dict[str, float]:
    from benchmarks.asgi import drive

    return drive(requests, middleware, flush)


if __name__ == "__main__":
    main()
