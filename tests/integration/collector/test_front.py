"""A Collector put in front of a destination for as long as something runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from vaquero_collector import front, in_front_of

from tests.support.otlp_client import post
from tests.support.waiting import wait_until

pytestmark = pytest.mark.collector


def send(url: str) -> None:
    """Send one span."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    span = resource.scope_spans.add().spans.add(name="x", kind=2)
    span.trace_id, span.span_id = b"1" * 16, b"1" * 8
    assert post(url, "traces", request) == 200


def test_everything_has_arrived_when_it_ends(
    backend: Any, binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs get a Collector's address; at the end span and RED metrics have arrived."""
    monkeypatch.setenv("VAQUERO_OTELCOL", str(binary))
    said: list[str] = []
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with in_front_of(backend.url, said.append, drain_s=30) as url:
        assert url != backend.url
        send(url)
    assert len(backend.spans) == 1
    assert backend.metrics("traces.span.metrics.calls")
    assert said == [f"a Collector takes it at {url} and forwards to {backend.url}"]
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert not left


def test_what_could_not_be_delivered_is_kept_and_can_be_sent(
    binary: Path, monkeypatch: pytest.MonkeyPatch, open_backend: Any, collect: Any
) -> None:
    """What a destination did not take in time is kept, and sent later by what is said."""
    from vaquero_collector.addresses import free_ports

    monkeypatch.setenv("VAQUERO_OTELCOL", str(binary))
    (port,) = free_ports("127.0.0.1", 1)
    destination = f"http://127.0.0.1:{port}"
    said: list[str] = []
    with in_front_of(destination, said.append, drain_s=0.5) as url:
        send(url)
    found = re.search(r"VAQUERO_COLLECTOR_QUEUE_DIR=(\S+) vaquero collector run", said[-1])
    assert found is not None, said
    backend = open_backend(port=port)
    collect(destination, env={"VAQUERO_COLLECTOR_QUEUE_DIR": found[1]})
    wait_until(lambda: len(backend.spans) == 1, "delivery of what was kept")
    shutil.rmtree(Path(found[1]).parent)


def test_without_a_collector_programs_send_directly(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a Collector the destination itself is given, and that is said."""
    monkeypatch.setattr(front, "find_binary", lambda: None)
    said: list[str] = []
    with in_front_of(backend.url, said.append) as url:
        assert url == backend.url
    assert said == [f"no Collector on this machine: programs send to {backend.url} directly"]


def test_a_collector_that_does_not_start_is_no_obstacle(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the Collector cannot be started the reason is said and programs send directly."""
    monkeypatch.setenv("VAQUERO_OTELCOL", "/nowhere")
    said: list[str] = []
    with in_front_of(backend.url, said.append) as url:
        assert url == backend.url
    assert "VAQUERO_OTELCOL='/nowhere'" in said[0]
