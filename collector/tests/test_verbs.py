"""The verbs of `vaquero collector`, as a user types them, with the real Collector."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import psutil
import pytest
from vaquero_collector import addresses

from tests.support.processes import started
from tests.support.waiting import wait_until

# Each verb is a process of its own, and a test has up to ten of them.
pytestmark = [pytest.mark.collector, pytest.mark.timeout(300)]
COMMAND = [sys.executable, "-c", "from vaquero_collector.cli import collector; collector()"]


@pytest.fixture
def verb(binary: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run a verb to its end; whatever still runs after the test is stopped."""
    environment = {"VAQUERO_OTELCOL": str(binary)}

    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words], capture_output=True, text=True, timeout=100, check=False,
            env={**os.environ, **environment, **env},
        )  # fmt: skip

    yield run
    run("stop", "--all")


def lives(pid: int) -> bool:
    """Say whether a process runs; one that ended and that nobody waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ports() -> tuple[str, str, str, str]:
    """Return options for two free ports."""
    http, grpc = addresses.free_ports("127.0.0.1", 2)
    return "--http-port", str(http), "--grpc-port", str(grpc)


def test_the_verbs_are_offered_to_the_command_line() -> None:
    """The entry point gives a group with every verb."""
    (found,) = entry_points(group="vaquero.commands", name="collector")
    group = found.load()
    assert isinstance(group, click.Group)
    assert set(group.commands) == {"run", "validate", "status", "stop", "config", "logs"}
    for command in group.commands.values():
        assert command.help


def test_from_run_to_stop(verb: Any) -> None:
    """A detached Collector is seen by status and logs, started once, and ended by stop."""
    chosen = ports()
    assert verb("status").returncode == 3
    begun = verb("run", "-d", *chosen)
    assert begun.returncode == 0, begun.stderr
    assert f"http://127.0.0.1:{chosen[1]} (HTTP)" in begun.stdout
    assert "does not answer yet" in begun.stderr  # nobody is at the default destination
    (row,) = json.loads(verb("status", "--json").stdout)
    assert row["healthy"] is True
    assert lives(row["pid"])
    again = verb("run", "-d", *chosen)
    assert again.returncode == 0
    assert f"runs already (pid {row['pid']}" in again.stdout
    shown = verb("status")
    assert shown.returncode == 0
    for word in ("healthy", "accepted", "refused", "lost", "waiting", "traces", "logs"):
        assert word in shown.stdout
    assert "Everything is ready" in verb("logs").stdout
    ended = verb("stop")
    assert ended.returncode == 0
    assert "stopped" in ended.stdout
    assert not lives(row["pid"])
    assert verb("status").returncode == 3
    assert "No Collector runs" in verb("stop").stdout
    assert "Shutdown complete" in verb("logs").stdout  # of the last that ran


def test_one_of_several_has_to_be_chosen(verb: Any) -> None:
    """With two Collectors stop asks which, and then ends that one only."""
    first, second = ports(), ports()
    assert verb("run", "-d", *first).returncode == 0
    assert verb("run", "-d", *second).returncode == 0
    asked = verb("stop")
    assert asked.returncode == 1
    assert first[1] in asked.stderr and second[1] in asked.stderr
    assert verb("stop", "--http-port", first[1]).returncode == 0
    (row,) = json.loads(verb("status", "--json").stdout)
    assert row["http_url"].endswith(second[1])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, None])
def test_run_in_the_foreground_ends_its_child(how: int | None, verb: Any, binary: Path) -> None:
    """Ctrl-C, a SIGTERM and `stop` each end the Collector and the verb, with code 0."""
    command = [*COMMAND, "run", "--no-check", *ports()]
    env = {**os.environ, "VAQUERO_OTELCOL": str(binary)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with started(command, env, **pipes) as running:
        wait_until(lambda: verb("status").returncode == 0, "the start")
        (row,) = json.loads(verb("status", "--json").stdout)
        if how is None:
            assert verb("stop").returncode == 0
        else:
            running.send_signal(how)
        out, _none = running.communicate(timeout=100)
    assert running.returncode == 0, out
    assert not lives(row["pid"])
    assert ("stopped" if how is not None else "ended") in out


def test_run_says_when_its_collector_was_killed(verb: Any, binary: Path) -> None:
    """A Collector that ends by itself ends the verb with an error and the path of the log."""
    env = {**os.environ, "VAQUERO_OTELCOL": str(binary)}
    command = [*COMMAND, "run", "--no-check", *ports()]
    with started(command, env, stdout=subprocess.PIPE, text=True) as running:
        wait_until(lambda: verb("status").returncode == 0, "the start")
        (row,) = json.loads(verb("status", "--json").stdout)
        os.kill(row["pid"], signal.SIGKILL)
        out, _none = running.communicate(timeout=100)
    assert running.returncode == 1
    assert row["log"] in out


def test_validate_says_yes_or_why_not(verb: Any, tmp_path: Path) -> None:
    """A good configuration is named, a bad one gives one line with its file."""
    assert verb("validate", "-o", "file", "-o", "tail_sampling").stdout.startswith("valid: ")
    bad = tmp_path / "bad.yaml"
    bad.write_text("exporters: {nothing: {}}\n")
    for words in (("-o", str(bad)), ("--config", str(bad))):
        done = verb("validate", *words)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "'nothing'" in line and str(bad) in line


def test_config_shows_what_is_merged(verb: Any) -> None:
    """`config` prints the merged configuration, its files and the overlays there are."""
    merged = verb("config", "-o", "debug")
    assert merged.returncode == 0
    assert "traces/debug" in merged.stdout
    assert verb("config", "--path").stdout.strip().endswith("collector-config.yaml")
    listed = verb("config", "--list").stdout
    for name in ("backend", "tail_sampling", "kafka"):
        assert name in listed


def test_arguments_go_to_the_binary_unchanged(binary: Path) -> None:
    """`python -m vaquero_collector ARGS` is the Collector's own command line."""
    command = [sys.executable, "-m", "vaquero_collector"]
    env = {**os.environ, "VAQUERO_OTELCOL": str(binary)}
    for words in (["--version"], ["components"], ["validate", "--config", "yaml:a: {}"]):
        ours = subprocess.run([*command, *words], capture_output=True, env=env, check=False)
        own = subprocess.run([str(binary), *words], capture_output=True, check=False)
        assert (ours.returncode, ours.stdout, ours.stderr) == (
            own.returncode,
            own.stdout,
            own.stderr,
        )


def test_without_arguments_the_packaged_configuration_runs(binary: Path, tmp_path: Path) -> None:
    """`python -m vaquero_collector` runs the packaged configuration until SIGTERM, with code 0."""
    http, grpc, health, metrics = addresses.free_ports("127.0.0.1", 4)
    env = {
        **os.environ,
        "VAQUERO_OTELCOL": str(binary),
        "VAQUERO_COLLECTOR_HTTP_PORT": str(http),
        "VAQUERO_COLLECTOR_GRPC_PORT": str(grpc),
        "VAQUERO_COLLECTOR_HEALTH_ENDPOINT": f"127.0.0.1:{health}",
        "VAQUERO_COLLECTOR_METRICS_PORT": str(metrics),
    }
    from vaquero_collector import stats

    def run_and_terminate() -> int:
        words = [sys.executable, "-m", "vaquero_collector"]
        with started(words, env, cwd=tmp_path, stderr=subprocess.DEVNULL) as running:
            wait_until(lambda: stats.fetch(f"http://127.0.0.1:{health}/") is not None, "the start")
            running.terminate()
            return running.wait(60)

    # The Collector is healthy a moment before it listens to signals; on a machine under load the
    # moment is long enough to be met, and such a signal ends it as it ends every program.
    code = next((0 for _ in range(3) if run_and_terminate() == 0), 1)
    assert code == 0
    assert (tmp_path / ".vaquero" / "queue").is_dir()


def test_without_arguments_it_does_not_send_to_itself(binary: Path) -> None:
    """A destination that is the own listener is refused here too."""
    done = subprocess.run(
        [sys.executable, "-m", "vaquero_collector"], capture_output=True, text=True, timeout=100,
        env={**os.environ, "VAQUERO_OTELCOL": str(binary),
             "VAQUERO_OTLP_ENDPOINT": "http://localhost:4318"},
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "own listener" in done.stderr


def test_a_program_that_is_none_is_refused() -> None:
    """VAQUERO_OTELCOL that names no program is an error that says so."""
    done = subprocess.run(
        [sys.executable, "-m", "vaquero_collector"], capture_output=True, text=True, timeout=100,
        env={**os.environ, "VAQUERO_OTELCOL": "/nowhere"}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "vaquero-collector: VAQUERO_OTELCOL='/nowhere' (from environment) is not usable: "
        "expected the path of a Collector's program."
    )


def test_an_old_collector_is_refused(tmp_path: Path) -> None:
    """A Collector that does not know our names yet is refused with both versions."""
    old = tmp_path / "otelcol"
    old.write_text("#!/bin/sh\necho otelcol version 0.150.0\n")
    old.chmod(0o755)
    done = subprocess.run(
        [*COMMAND, "run"], capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "VAQUERO_OTELCOL": str(old)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "is a Collector 0.150" in done.stderr and "expected 0.161 or newer" in done.stderr
