"""What a forked child has of its own, and what it keeps."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource

from vaquero import _runtime
from vaquero.tracing import TracerProvider

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    # Python 3.12 and later warn of fork where threads of other tests are alive.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def in_child(work: Callable[[], Any]) -> Any:
    """The result of ``work`` in a forked child, by way of JSON."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said)


def ids(provider: TracerProvider) -> list[int]:
    """Trace and span ids of twenty root spans."""
    tracer = provider.get_tracer("scope")
    spans = [tracer.start_span("name", Context()).get_span_context() for _ in range(20)]
    return [number for span in spans for number in (span.trace_id, span.span_id)]


def test_ids_of_parent_and_children_differ() -> None:
    """No two processes of one family draw the same ids."""
    provider = TracerProvider(shutdown_on_exit=False)
    families = [in_child(lambda: ids(provider)) for _ in range(3)] + [ids(provider)]
    assert len({number for family in families for number in family}) == 4 * 40


@pytest.mark.parametrize("keep", [True, False])
def test_instance_id_of_the_child(keep: bool) -> None:
    """A child has an instance id of its own, unless the user chose it; spans and tracers too."""
    resource = Resource({"service.instance.id": "mine", "process.pid": os.getpid(), "a": "b"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.keep_instance_id = keep
    tracer: Any = provider.get_tracer("scope")

    def look() -> Any:
        span: Any = tracer.start_span("name", Context())
        return [dict(span.resource.attributes), dict(provider.resource.attributes), os.getpid()]

    of_span, of_provider, pid = in_child(look)
    assert of_span == of_provider
    assert (of_span["service.instance.id"] == "mine") is keep
    assert (of_span["process.pid"], of_span["a"]) == (pid, "b")
    assert provider.resource.attributes["service.instance.id"] == "mine"


def test_absent_attributes_stay_absent() -> None:
    """A child's resource gets no attribute that the parent's has not."""
    provider = TracerProvider(resource=Resource({"a": "b"}), shutdown_on_exit=False)
    assert in_child(lambda: dict(provider.resource.attributes)) == {"a": "b"}


def test_a_fork_waits_for_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child never inherits the half of a start: it would wait for its locks for ever."""
    begun, go = threading.Event(), threading.Event()
    sdk = object()

    def slow_start() -> object:
        begun.set()
        assert go.wait(30)
        _runtime.set_sdk(sdk)
        return sdk

    monkeypatch.setattr(_runtime, "starter", slow_start)
    starting = threading.Thread(target=_runtime.ensure_started)
    starting.start()
    assert begun.wait(30)
    threading.Timer(0.1, go.set).start()

    assert in_child(
        lambda: (
            _runtime.sdk is not None
            and _runtime.lock.acquire(timeout=5)
            and _runtime.loading.acquire(timeout=5)
        )
    )
    starting.join()
    assert _runtime.lock.acquire(timeout=5)
    _runtime.lock.release()
