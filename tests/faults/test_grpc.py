"""The promises about process lives hold over gRPC too: it is a socket of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from tests.support.otlp_grpc_receiver import OtlpGrpcReceiver
from tests.support.processes import free_port

from .hostile import EXIT_S, BlackHole
from .test_lives import LIVES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Machine


COUNT = 60


@pytest.fixture
def collector() -> Iterator[OtlpGrpcReceiver]:
    """A running gRPC collector."""
    with OtlpGrpcReceiver() as running:
        yield running


@pytest.mark.parametrize("life", ["exit", "late", "kill", "fork", "mp_fork", "mp_spawn"])
def test_lives_deliver_once_over_grpc(
    life: str, machine: Machine, collector: OtlpGrpcReceiver
) -> None:
    """However a process ends, its spans arrive once: by itself, or by the next one of its kind."""
    code, expected = LIVES[life]
    ended = machine.run(life, COUNT, collector.url, PROTOCOL="grpc")
    assert ended.code == code, ended.err
    if set(collector.names) != set(expected):
        machine.run("recover", 0, collector.url, PROTOCOL="grpc")
    assert collector.names == expected


def test_an_outage_over_grpc_loses_nothing(machine: Machine, collector: OtlpGrpcReceiver) -> None:
    """UNAVAILABLE, then well again: everything arrives once."""
    collector.code = grpc.StatusCode.UNAVAILABLE
    machine.run("exit", COUNT, collector.url, PROTOCOL="grpc")
    assert machine.waiting() == COUNT
    collector.code = None
    machine.run("recover", 0, collector.url, PROTOCOL="grpc")
    assert collector.names == LIVES["exit"][1]


def test_a_refusal_over_grpc_is_kept(machine: Machine, collector: OtlpGrpcReceiver) -> None:
    """UNAUTHENTICATED: counted as lost, said, and kept for a resend."""
    collector.code = grpc.StatusCode.UNAUTHENTICATED
    ended = machine.run("exit", COUNT, collector.url, PROTOCOL="grpc")
    assert ended.report["dropped"] == {"grpc_unauthenticated": COUNT}
    assert machine.refused() == COUNT


def test_a_hung_call_does_not_hold_the_exit(machine: Machine, collector: OtlpGrpcReceiver) -> None:
    """A server that never answers costs an exit at most two seconds, and nothing is lost."""
    collector.answering.clear()
    ended = machine.run("exit", COUNT, collector.url, PROTOCOL="grpc")
    assert ended.report["exit_s"] < EXIT_S
    assert machine.waiting() == COUNT


def test_nobody_there_over_grpc(machine: Machine) -> None:
    """Refused and black-holed connections: short exits, and the spans are kept."""
    ended = machine.run("exit", COUNT, f"http://127.0.0.1:{free_port()}", PROTOCOL="grpc")
    assert ended.report["exit_s"] < EXIT_S
    with BlackHole() as hole:
        ended = machine.run("exit", COUNT, f"http://127.0.0.1:{hole.port}", PROTOCOL="grpc")
    assert ended.report["exit_s"] < EXIT_S
    assert machine.waiting() == 2 * COUNT


@pytest.mark.slow
def test_forks_of_a_busy_process_over_grpc(machine: Machine, collector: OtlpGrpcReceiver) -> None:
    """Children forked while four threads end spans all end, and send their own span once each."""
    forks = 40
    ended = machine.run("busy_forks", forks, collector.url, PROTOCOL="grpc")
    assert ended.code == 0, ended.err
    assert "hung" not in ended.out
    machine.run("recover", 0, collector.url, PROTOCOL="grpc")
    assert max(collector.names.values()) == 1
    assert sum(name.startswith("fork-") for name in collector.names) == forks
