"""The verb ``view``, run as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from importlib.metadata import entry_points

import click
import pytest
from click.testing import CliRunner
from vaquero_viewer import PortTaken, Viewer, command

posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")


@pytest.fixture
def taken():
    """A port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def _run(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vaquero_viewer", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_verb_is_offered():
    """The command line finds `view` through the entry point group vaquero.commands."""
    (found,) = entry_points(group="vaquero.commands", name="view")
    assert isinstance(found.load(), click.Command)


def test_offering_the_verb_is_cheap():
    """Loading the verb, as each run of `vaquero` does, loads neither database nor web server."""
    code = (
        "import sys, vaquero_viewer.command\n"
        "print(sorted({'duckdb', 'uvicorn', 'starlette', 'rich', 'psutil', 'google.protobuf'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == "[]\n"


@posix
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_runs_until_it_is_asked_to_end(file, ending):
    """It prints where to look, answers there, and ends with code 0 on Ctrl-C and on SIGTERM."""
    process = _run("--path", str(file), "--port", "0", "--web-port", "0")
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        page = re.search(r"http://\S+", lines[0]).group()
        with urllib.request.urlopen(f"{page}/api/health", timeout=20) as answer:
            assert json.load(answer)["product"] == "vaquero-viewer"
        assert str(file) in lines[2]
    finally:
        process.send_signal(ending)
        _, errors = process.communicate(timeout=100)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert file.exists()


def test_named_port_in_use(taken):
    """A port that was asked for and is taken: one line with holder and remedy, exit code 1."""
    result = CliRunner().invoke(
        command.view, ["--in-memory", "--port", str(taken), "--web-port", "0"]
    )

    assert result.exit_code == 1
    (line,) = result.output.strip().splitlines()
    assert f"port {taken}" in line
    assert f"process {os.getpid()} (" in line
    assert f"--port {taken + 1}" in line


@posix
def test_default_port_in_use(taken, file):
    """A default port that is taken gives way to a free one, and that is said."""
    code = (
        "import sys; from vaquero_viewer import command\n"
        "command.OTLP_PORT = int(sys.argv.pop(1)); command.view()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(taken), "--path", str(file), "--web-port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        lines = [process.stdout.readline() for _ in range(4)]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=100)
    assert process.returncode == 0
    assert f"port {taken} on 127.0.0.1 is in use" in errors
    assert "taking a free port" in errors
    assert f":{taken} " not in lines[1]


def test_port_taken_leaves_nothing_open(taken, file):
    """start() on a taken port raises PortTaken with its holder, and leaves nothing open."""
    viewer = Viewer(file, otlp_port=0, web_port=taken)
    with pytest.raises(PortTaken) as caught:
        viewer.start()
    assert (caught.value.port, str(os.getpid()) in caught.value.holder) == (taken, True)
    assert not file.exists()


def test_address_that_is_not_ours():
    """An address of another machine cannot be bound, and the reason is not "in use"."""
    with pytest.raises(PortTaken) as caught:
        Viewer(None, otlp_port=0, web_port=0, host="192.0.2.1").start()
    assert "in use" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--max-size", "soon"], "512M"),
        (["--max-size", "1M"], "16M"),
        (["--port", "99999"], "65535"),
        (["--in-memory", "--path", "x"], "exclude"),
        (["--max-age", "0"], "max-age"),
    ],
)
def test_unusable_options(options, word):
    """Options that cannot be used are named with what would do, exit code 2."""
    result = CliRunner().invoke(command.view, options)
    assert result.exit_code == 2
    assert word in result.output


def test_file_open_elsewhere(file):
    """`view` on a file that a viewer has open: one line, exit code 1."""
    with Viewer(file, otlp_port=0, web_port=0):
        done = _run("--path", str(file), "--port", "0", "--web-port", "0")
        _, errors = done.communicate(timeout=100)
    assert done.returncode == 1
    (line,) = errors.strip().splitlines()
    assert f"process {os.getpid()}" in line


def test_viewer_can_be_started_again(file, make, connect):
    """stop() may be called twice, and the same viewer started once more with its data."""
    viewer = Viewer(file, otlp_port=0, web_port=0)
    for number in (1, 2):
        viewer.start()
        connect(viewer).send(make.spans({"id": number}))
        assert viewer.store.counts().spans == number
        viewer.stop()
        viewer.stop()
