"""A real Collector as a child process: started, found running, ended, and refused in words."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from vaquero_collector import AlreadyRunningError, Collector, CollectorError, record, running

from tests.support import processes
from tests.support.waiting import wait_until

pytestmark = pytest.mark.collector


def test_starts_answers_and_ends(started: Any) -> None:
    """A started Collector is healthy, gives its figures, and is gone after stop."""
    child = started()
    pid = child.pid
    assert child.healthy()
    figures = child.stats()
    assert set(figures.signals) == {"traces", "metrics", "logs"}
    assert figures.signals["traces"].queue_capacity_bytes == 268435456
    assert 0 < figures.memory_bytes < 200e6
    child.stop()
    assert not child.running and not child.healthy()
    assert not psutil.pid_exists(pid)
    with pytest.raises(CollectorError, match="no Collector answers"):
        child.stats()


def test_a_second_start_does_not_disturb_the_first(started: Any) -> None:
    """Starting the same again says that it runs, with its pid, and the first goes on."""
    first = started()
    first.start()
    with pytest.raises(AlreadyRunningError) as caught:
        started()
    assert caught.value.pid == first.pid
    assert caught.value.http_url == first.http_url
    assert caught.value.destination == "http://127.0.0.1:14318"
    folder = first.plan().folder.parent
    assert [found.pid for found in running(folder)] == [first.pid]
    assert first.healthy()
    assert record.read(first.plan().folder) is not None


def test_can_be_started_again_after_a_kill(started: Any) -> None:
    """The lock goes with the Collector however it ends, so a new one can start."""
    first = started()
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not first.running, "the end of the killed Collector")
    assert started().healthy()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of that")
def test_ends_with_a_program_that_is_killed(binary: Path, tmp_path: Path) -> None:
    """A program that is killed takes its Collector with it."""
    code = (
        "import sys, time; from pathlib import Path; from vaquero_collector import Collector\n"
        "child = Collector(http_port=0, grpc_port=0, folder=Path(sys.argv[1]),"
        " binary=Path(sys.argv[2]))\n"
        "child.start(30); print(child.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "one"), str(binary)]
    with processes.started(command, os.environ, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        assert psutil.pid_exists(pid)
        program.kill()

    def gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    wait_until(gone, "the end of the Collector")


def test_each_destination_has_its_own_queue(binary: Path, tmp_path: Path) -> None:
    """What waits for one destination is in a folder that another destination does not use."""

    def queue(url: str) -> Path:
        options = {"http_port": 0, "grpc_port": 0, "folder": tmp_path, "binary": binary}
        return Collector(forward_to=url, **options).plan().queue

    assert queue("http://127.0.0.1:1") != queue("http://127.0.0.1:2")
    assert queue("http://127.0.0.1:1") == queue("http://127.0.0.1:1")


def failure(binary: Path, folder: Path, **options: Any) -> str:
    """Return the text of the error of a start, which has to be one line."""
    options = {"http_port": 0, "grpc_port": 0, "folder": folder / "one", **options}
    child = Collector(binary=binary, **options)
    with pytest.raises(CollectorError) as caught:
        child.start(30.0)
    assert not child.running
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("which", ["http_port", "grpc_port", "health_port", "metrics_port"])
def test_a_taken_port_is_named(which: str, binary: Path, tmp_path: Path) -> None:
    """A port that another program has is named, with that program and what would do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        text = failure(binary, tmp_path, **{which: port})
    assert f"port {port} on 127.0.0.1" in text
    assert f"(pid {os.getpid()})" in text
    assert "choose another" in text or "set VAQUERO_COLLECTOR_" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [1\nb: {", "own.yaml is not YAML: line 1"),
        ("- a\n- b\n", "own.yaml is not a configuration: expected a map"),
        ("exporters:\n  kafka: {}\n", "exporter 'kafka' in "),
        ("exporters:\n  debug: {loud: 1}\n", "'debug' in .*own.yaml has keys .* unknown: loud"),
        ("service: {telemetry: {loud: 1}}", "in .*own.yaml has keys .* unknown: loud"),
        (
            "service: {pipelines: {traces/x: {receivers: [otlp], exporters: [nothing]}}}",
            "service.pipelines.traces/x refers to exporter 'nothing', which no configuration",
        ),
    ],
)
def test_a_bad_file_is_named(content: str, said: str, binary: Path, tmp_path: Path) -> None:
    """What is wrong with a file of one's own is said in one line that names the file."""
    own = tmp_path / "own.yaml"
    own.write_text(content)
    text = failure(binary, tmp_path, overlays=[str(own)])
    import re

    assert re.search(said, text), text
    assert str(own) in text


def test_an_unwritable_queue_is_named(binary: Path, tmp_path: Path) -> None:
    """A queue folder that cannot be written is refused before anything is accepted."""
    blocker = tmp_path / "file"
    blocker.touch()
    text = failure(binary, tmp_path, env={"VAQUERO_COLLECTOR_QUEUE_DIR": str(blocker / "queue")})
    assert f"the queue folder {blocker}" in text
    assert "VAQUERO_COLLECTOR_QUEUE_DIR" in text


@pytest.mark.parametrize(
    "url", ["http://localhost:{port}", "http://127.0.0.1:{port}/", "http://0.0.0.0:{port}"]
)
def test_does_not_send_to_itself(url: str, binary: Path, tmp_path: Path) -> None:
    """A destination that is the Collector's own listener is refused, however it is written."""
    from vaquero_collector.addresses import free_ports

    (port,) = free_ports("127.0.0.1", 1)
    for which in ("http_port", "grpc_port"):
        text = failure(binary, tmp_path, forward_to=url.format(port=port), **{which: port})
        assert "is the Collector's own listener" in text


def test_the_viewer_does_not_get_everything_twice(binary: Path, tmp_path: Path) -> None:
    """The overlay for the viewer is refused where the viewer is the destination already."""
    text = failure(binary, tmp_path, overlays=["viewer"])
    assert "twice" in text and "VAQUERO_OTLP_ENDPOINT" in text


def test_a_port_that_was_chosen_is_chosen_again(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that nobody asked for and that was lost meanwhile is replaced by another."""
    from vaquero_collector import addresses

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        real, given = addresses.free_ports, []

        def free_ports(host: str, count: int) -> list[int]:
            given.append(real(host, count) if given else [taken, *real(host, count - 1)])
            return given[-1]

        monkeypatch.setattr(addresses, "free_ports", free_ports)
        with Collector(http_port=0, grpc_port=0, folder=tmp_path / "one", binary=binary) as child:
            assert child.healthy()
            assert not child.http_url.endswith(f":{taken}")
    assert len(given) == 2


def test_overlays_are_refused_with_a_reason(binary: Path, tmp_path: Path) -> None:
    """An overlay that is unknown, lacks a variable, or lacks a component says so."""
    assert "neither a file nor one of ours" in failure(binary, tmp_path, overlays=["nothing"])
    assert "needs exporters/kafka" in failure(binary, tmp_path, overlays=["kafka"])
    assert "needs the variable VAQUERO_COLLECTOR_TLS_CERT_FILE" in failure(
        binary, tmp_path, overlays=["tls"]
    )
