"""The end of a process: what of vaquero runs then, in which order, whichever way it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from vaquero import _process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

#: Everything of ours that runs at an exit says so on stdout, after the role of its process.
PROGRAM = """
import atexit, multiprocessing, os, sys, threading, time

role = "main"

def note(what):
    os.write(1, f"{role}: {what}\\n".encode())

if __name__ == "__main__":
    atexit.register(note, "handler before")

from vaquero import run_lines
from vaquero.console import ConsoleProcessor
from vaquero import _process
from vaquero.pipeline.pipeline import Pipeline
from vaquero.sdk.handle import VaqueroSDK

def noted(owner, name, what):
    inner = getattr(owner, name)
    def outer(*args, **kwargs):
        note(what)
        return inner(*args, **kwargs)
    setattr(owner, name, outer)

noted(VaqueroSDK, "_collect_last", "collect")
noted(ConsoleProcessor, "force_flush", "console")
noted(Pipeline, "at_exit", "send")
noted(run_lines, "exit_line", "exit line")
noted(run_lines, "_add_counts", "exit line")
run_lines.register()
import vaquero

if sys.argv[1:] != ["late"]:
    vaquero.init()
if __name__ == "__main__":
    atexit.register(lambda: note(f"handler after, exiting={_process.exiting()}"))

def work(name=None):
    global role
    role = name or role
    with vaquero.span("work"):
        pass

def parent(name):
    work(name)
    run("fork", work, "grandchild")

def late(name):
    global role
    role = name
    vaquero.init()
    work()

def idle(name):
    global role
    role = name

def run(method, target, name):
    child = multiprocessing.get_context(method).Process(target=target, args=(name,))
    child.start()
    child.join()

if __name__ == "__main__" and sys.argv[1:] == ["children"]:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    work()
    pid = os.fork()
    if pid == 0:
        work("forked")
        sys.exit(0)
    os.waitpid(pid, 0)
    run("fork", parent, "multiprocessing")
    run("fork", idle, "idle")
    run("spawn", work, "spawned")
    run("forkserver", work, "served")
if __name__ == "__main__" and sys.argv[1:] == ["late"]:
    for method in ("fork", "spawn", "forkserver"):
        run(method, late, f"late {method}")
"""

Order = dict[str, list[str]]

_ONCE = ["collect", "send", "console", "exit line"]
if sys.version_info >= (3, 13):
    # Children run hooks of atexit that they registered, before multiprocessing's finalizers.
    SPAWNED = FORKED_LATE = ["send", *_ONCE, "send"]
else:
    SPAWNED = ["send", "send", *_ONCE]
    FORKED_LATE = [*_ONCE, "send"]


def order(folder: Path, *arguments: str) -> Order:
    """What each process of the program said, by its role."""
    program, tally = folder / "program.py", folder / "tally"
    program.write_text(PROGRAM, "utf-8")
    tally.touch()
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "VAQUERO_"))
    } | {
        "VAQUERO_RUN_LINES": f"0:{tally}",
        "VAQUERO_CONSOLE": "true",
        "VAQUERO_SPOOL": "false",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    said: Order = {}
    for line in done.stdout.splitlines():
        role, _, what = line.partition(": ")
        said.setdefault(role, []).append(what)
    return said


@pytest.fixture(scope="module")
def with_children(tmp_path_factory: pytest.TempPathFactory) -> Order:
    """One run of the program, with a child of each kind."""
    return order(tmp_path_factory.mktemp("order"), "children")


def test_the_exit_of_a_program(with_children: Order) -> None:
    """Sent first, as it was registered last; collected, printed and said in that order after it."""
    assert with_children["main"] == [
        "send",
        "handler after, exiting=True",
        "collect",
        "send",
        "console",
        "exit line",
        "handler before",
    ]


def test_the_exit_of_a_program_without_spans(tmp_path: Path) -> None:
    """What no span has started is not sent first, and the exit is not known before our hooks."""
    assert order(tmp_path)["main"] == [
        "handler after, exiting=False",
        "collect",
        "send",
        "console",
        "exit line",
        "handler before",
    ]


def test_the_exit_of_a_forked_child(with_children: Order) -> None:
    """As the program's own."""
    assert with_children["forked"] == with_children["main"]


def test_the_exit_of_a_child_of_multiprocessing(with_children: Order) -> None:
    """No handler of atexit runs there; ours do, and what is left is sent when all others are done.

    Without a span of its own there is nothing to send last.
    """
    assert with_children["multiprocessing"] == ["collect", "send", "console", "exit line", "send"]
    assert with_children["idle"] == ["collect", "send", "console", "exit line"]


def test_the_exit_of_a_grandchild(with_children: Order) -> None:
    """A child of a child runs each hook once, too: its spans are counted once."""
    assert with_children["grandchild"] == ["collect", "send", "console", "exit line", "send"]


def test_the_exit_of_a_spawned_child(with_children: Order) -> None:
    """It leaves in both ways: what comes in a program, and what is left is sent once more."""
    assert with_children["spawned"] == SPAWNED


def test_the_exit_of_a_child_of_a_fork_server(with_children: Order) -> None:
    """It imports vaquero itself, and leaves as a forked child of multiprocessing does."""
    assert with_children["served"] == FORKED_LATE


def test_the_exit_of_a_child_that_starts_the_sdk_itself(tmp_path: Path) -> None:
    """What is registered only in the child runs there too, whichever way it was started."""
    said = order(tmp_path, "late")

    assert said["late fork"] == FORKED_LATE
    assert said["late forkserver"] == FORKED_LATE
    assert said["late spawn"] == SPAWNED


class Owner:
    """Has a method that says that it was called."""

    def __init__(self, said: list[str], name: str) -> None:
        self._said = said
        self._name = name

    def call(self) -> None:
        """Say so."""
        self._said.append(self._name)

    def fail(self) -> None:
        """Say so, and fail."""
        self.call()
        raise RuntimeError(self._name)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hooks but those of the test, and none of them in this process's atexit."""
    for name in ("_at_exit", "_senders", "_fork_hooks"):
        monkeypatch.setattr(_process, name, [])
    for name in ("_sends", "_called_by_multiprocessing"):
        monkeypatch.setattr(_process, name, True)
    for name in ("_exiting", "_forked"):
        monkeypatch.setattr(_process, name, False)
    monkeypatch.setattr(_process, "atexit", SimpleNamespace(register=print, unregister=print))


@pytest.mark.usefixtures("alone")
def test_hooks_in_a_forked_child(caplog: pytest.LogCaptureFixture) -> None:
    """In their order; one that fails is reported, and that of a dead object is forgotten."""
    said: list[str] = []
    owners = [Owner(said, name) for name in "abc"]
    _process.after_fork_in_child(owners[0].call)
    _process.after_fork_in_child(owners[1].fail)
    _process.after_fork_in_child(lambda: said.append("function"))
    _process.after_fork_in_child(owners[2].call)
    _process._exiting = True
    del owners[0]

    _process._in_child()
    _process._in_child()

    assert said == ["b", "function", "c"] * 2
    assert "could not prepare the forked child" in caplog.text
    assert len(_process._fork_hooks) == 3
    assert not _process.exiting()


@pytest.mark.usefixtures("alone")
def test_what_is_taken_back_does_not_run() -> None:
    """Taken back by an equal method, as bound methods are made at each look."""
    owner = Owner([], "a")
    _process.at_exit(_process.Stage.CONSOLE, owner.call)
    _process.at_exit(_process.Stage.EXIT_LINE, print)

    _process.not_at_exit(owner.call)

    assert [(entry.stage, entry.hook) for entry in _process._at_exit] == [
        (_process.Stage.EXIT_LINE, print)
    ]


@pytest.mark.usefixtures("alone")
def test_a_sender_is_called_once_and_held_weakly() -> None:
    """However often it is registered; a dead one is passed over, and the exit is known then."""
    said: list[str] = []
    one, other, dead = (Owner(said, name) for name in ("one", "other", "dead"))
    for owner in (dead, one, other, one):
        _process.send_at_exit(owner.call)
    del dead, owner

    _process._send()

    assert sorted(said) == ["one", "other"]
    assert _process.exiting()


@pytest.mark.usefixtures("alone")
def test_senders_that_register_at_once_are_all_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that registers while another one does is not lost, as of two pipelines that start."""
    said: list[str] = []
    one, other = Owner(said, "one"), Owner(said, "other")

    def reference(method: Callable[[], object]) -> weakref.WeakMethod[Callable[[], object]]:
        monkeypatch.setattr(_process, "weakref", weakref)
        _process.send_at_exit(other.call)
        return weakref.WeakMethod(method)

    monkeypatch.setattr(_process, "weakref", SimpleNamespace(WeakMethod=reference))
    _process.send_at_exit(one.call)
    _process._send()

    assert sorted(said) == ["one", "other"]
