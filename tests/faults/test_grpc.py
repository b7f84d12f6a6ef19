"""The promises about process lives hold over gRPC too: it is a socket of our own."""

from __future__ import annotations

import concurrent.futures
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from .hostile import BlackHole, free_port
from .test_lives import LIVES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Machine


COUNT = 60


class GrpcCollector(trace_service_pb2_grpc.TraceServiceServicer):
    """A gRPC collector that counts the names of the spans it gets, or fails."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.code: grpc.StatusCode | None = None
        self.hang = threading.Event()
        self.hang.set()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def Export(self, request: Any, context: Any) -> Any:
        self.hang.wait(30)
        if self.code is not None:
            context.abort(self.code, "as ordered")
        self.names.update(
            span.name
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )
        return ExportTraceServiceResponse()

    def stop(self) -> None:
        self.hang.set()
        self._server.stop(0).wait()


@pytest.fixture
def collector() -> Iterator[GrpcCollector]:
    """A running gRPC collector."""
    running = GrpcCollector()
    yield running
    running.stop()


@pytest.mark.parametrize("life", ["exit", "late", "kill", "fork", "mp_fork", "mp_spawn"])
def test_lives_deliver_once_over_grpc(
    life: str, machine: Machine, collector: GrpcCollector
) -> None:
    """However a process ends, its spans arrive once: by itself, or by the next one of its kind."""
    code, expected = LIVES[life]
    ended = machine.run(life, COUNT, collector.endpoint, PROTOCOL="grpc")
    assert ended.code == code, ended.err
    if set(collector.names) != set(expected):
        machine.run("recover", 0, collector.endpoint, PROTOCOL="grpc")
    assert collector.names == expected


def test_an_outage_over_grpc_loses_nothing(machine: Machine, collector: GrpcCollector) -> None:
    """UNAVAILABLE, then well again: everything arrives once."""
    collector.code = grpc.StatusCode.UNAVAILABLE
    machine.run("exit", COUNT, collector.endpoint, PROTOCOL="grpc")
    assert machine.waiting() == COUNT
    collector.code = None
    machine.run("recover", 0, collector.endpoint, PROTOCOL="grpc")
    assert collector.names == LIVES["exit"][1]


def test_a_refusal_over_grpc_is_kept(machine: Machine, collector: GrpcCollector) -> None:
    """UNAUTHENTICATED: counted as lost, said, and kept for a resend."""
    collector.code = grpc.StatusCode.UNAUTHENTICATED
    ended = machine.run("exit", COUNT, collector.endpoint, PROTOCOL="grpc")
    assert ended.report["dropped"] == {"grpc_unauthenticated": COUNT}
    assert machine.refused() == COUNT


def test_a_hung_call_does_not_hold_the_exit(machine: Machine, collector: GrpcCollector) -> None:
    """A server that never answers costs an exit at most two seconds, and nothing is lost."""
    collector.hang.clear()
    ended = machine.run("exit", COUNT, collector.endpoint, PROTOCOL="grpc")
    assert ended.report["exit_s"] < 2.2
    assert machine.waiting() == COUNT


def test_nobody_there_over_grpc(machine: Machine) -> None:
    """Refused and black-holed connections: short exits, and the spans are kept."""
    ended = machine.run("exit", COUNT, f"http://127.0.0.1:{free_port()}", PROTOCOL="grpc")
    assert ended.report["exit_s"] < 2.2
    with BlackHole() as hole:
        ended = machine.run("exit", COUNT, f"http://127.0.0.1:{hole.port}", PROTOCOL="grpc")
    assert ended.report["exit_s"] < 2.2
    assert machine.waiting() == 2 * COUNT


@pytest.mark.slow
def test_forks_of_a_busy_process_over_grpc(machine: Machine, collector: GrpcCollector) -> None:
    """Children forked while four threads end spans all end, and send their own span once each."""
    forks = 40
    ended = machine.run("busy_forks", forks, collector.endpoint, PROTOCOL="grpc")
    assert ended.code == 0, ended.err
    assert "hung" not in ended.out
    machine.run("recover", 0, collector.endpoint, PROTOCOL="grpc")
    assert max(collector.names.values()) == 1
    assert sum(name.startswith("fork-") for name in collector.names) == forks
