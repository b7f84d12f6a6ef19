"""Every way in which a process can live and end, with a backend that is well and one down."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import free_port

from .hostile import EXIT_S, Collector

if TYPE_CHECKING:
    from .conftest import Machine

COUNT = 60


def named(*roles: str, count: int = COUNT) -> dict[str, int]:
    """Each span of these roles, once."""
    return {f"{role}-{number}": 1 for role in roles for number in range(count)}


MAIN = named("main")
FAMILY = named("before", "main", "child")
CHILDREN = named("before", "main", "child0", "child1")
POOL = named("main") | named(*(f"pool{number}" for number in range(6)), count=5)

LIVES: dict[str, tuple[int, dict[str, int]]] = {
    "exit": (0, MAIN),
    "sys_exit": (3, MAIN),
    "exception": (1, MAIN),
    "late": (0, MAIN | named("late")),
    "late_only": (0, named("late")),
    "thread": (0, MAIN | named("thread")),
    "sigterm": (-signal.SIGTERM, MAIN),
    "sigterm_handler": (5, MAIN),
    "sigint": (-signal.SIGINT, MAIN),
    "os_exit": (7, MAIN),
    "kill": (-signal.SIGKILL, MAIN),
    "fork": (0, FAMILY),
    "fork_sys_exit": (0, FAMILY),
    "mp_fork": (0, CHILDREN),
    "mp_spawn": (0, CHILDREN),
    "mp_forkserver": (0, CHILDREN),
    "process_pool": (0, POOL),
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and fork")


@pytest.mark.parametrize("life", LIVES)
def test_every_life_delivers_once(life: str, machine: Machine, collector: Collector) -> None:
    """However a process ends, its spans arrive once: by itself, or by the next one of its kind."""
    code, expected = LIVES[life]
    ended = machine.run(life, COUNT, collector.endpoint)
    assert ended.code == code, ended.err
    if set(collector.names) != set(expected):
        machine.run("recover", 0, collector.endpoint)
    assert collector.names == expected
    assert len(ended.err.splitlines()) <= 20


@pytest.mark.parametrize("by", ["hand", "init"])
@pytest.mark.parametrize("life", LIVES)
def test_every_life_survives_an_outage(life: str, by: str, machine: Machine) -> None:
    """With the backend down everything is in the spool at the end, and arrives once later."""
    code, expected = LIVES[life]
    port = free_port()
    ended = machine.run(life, COUNT, f"http://127.0.0.1:{port}/v1/traces", BY=by)
    assert ended.code == code, ended.err
    assert len(ended.err.splitlines()) <= 20
    assert machine.waiting() == len(expected)
    with Collector(port=port) as collector:
        machine.run("recover", 0, collector.endpoint, BY=by)
        assert collector.names == expected
    assert machine.waiting() == 0


@pytest.mark.parametrize("life", ["exit", "sys_exit", "exception", "late", "mp_fork"])
def test_no_life_is_held_by_a_hung_backend(
    life: str, machine: Machine, collector: Collector
) -> None:
    """A backend that never answers costs an exit at most two seconds, and nothing is lost."""
    collector.mode = "hung"
    code, expected = LIVES[life]
    ended = machine.run(life, COUNT, collector.endpoint)
    assert ended.code == code, ended.err
    if life != "mp_fork":  # its exit waits for two children, each with an exit of its own
        assert ended.report["exit_s"] < EXIT_S
    assert machine.waiting() == len(expected)


@pytest.mark.slow
def test_forks_of_a_busy_process_do_not_hang(machine: Machine, collector: Collector) -> None:
    """Children forked while four threads end spans all end, and send their own span once each."""
    forks = 60
    ended = machine.run("busy_forks", forks, collector.endpoint)
    assert ended.code == 0, ended.err
    assert "hung" not in ended.out
    machine.run("recover", 0, collector.endpoint)
    names = collector.names
    assert max(names.values()) == 1
    assert sum(name.startswith("fork-") for name in names) == forks


def test_a_process_without_spans_touches_nothing(machine: Machine, collector: Collector) -> None:
    """Building a pipeline makes no connection and no file."""
    ended = machine.run("nothing", 0, collector.endpoint)
    assert ended.code == 0
    assert collector.connections == 0
    assert not machine.spool.exists()
