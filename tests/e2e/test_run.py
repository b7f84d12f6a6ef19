"""``vaquero run`` with plain programs: exit codes, Ctrl-C, silence, and what cannot be used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.otlp_receiver import OtlpReceiver
from tests.support.processes import started
from tests.support.waiting import wait_until

from .programs import APPS, INSTRUMENT, RUN, environ, run, served

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = sys.executable


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Where the programs send to."""
    with OtlpReceiver() as running:
        yield running


@pytest.mark.parametrize(
    "words",
    [[PYTHON, "plain.py"], [PYTHON, "-m", "plain"], ["plain.py"]],
    ids=["script", "module", "file"],
)
@pytest.mark.parametrize("code", [0, 3])
def test_a_script_is_measured_and_keeps_its_exit_code(
    words: list[str], code: int, receiver: OtlpReceiver
) -> None:
    """Spans arrive once, the exit code is the program's, and nothing is printed."""
    done = run([*words, str(code)], receiver.url)
    assert done.returncode == code, done.stderr
    assert sorted(span.attributes["mark"] for span in receiver.named("work")) == ["0", "1", "2"]
    assert (done.stdout, done.stderr) == ("", "")


def test_the_plain_launcher_chooses_vaquero(receiver: OtlpReceiver) -> None:
    """``opentelemetry-instrument`` alone sends through vaquero, and warns of nothing."""
    done = run([PYTHON, "plain.py"], receiver.url, launcher=INSTRUMENT)
    assert done.returncode == 0
    assert [span.resource["telemetry.distro.name"] for span in receiver.named("work")] == [
        "vaquero"
    ] * 3
    assert done.stderr == ""


def test_both_launchers_at_once_start_one_sdk(receiver: OtlpReceiver) -> None:
    """One inside of the other, either way round: each span once."""
    done = run([*INSTRUMENT, PYTHON, "plain.py"], receiver.url)
    assert done.returncode == 0, done.stderr
    assert len(receiver.named("work")) == 3
    done = run([*RUN, PYTHON, "plain.py"], receiver.url, launcher=INSTRUMENT)
    assert done.returncode == 0, done.stderr
    assert len(receiver.named("work")) == 6


def test_gauges_run_once_each(receiver: OtlpReceiver) -> None:
    """Under both launchers the host's gauges arrive, and under upstream's no duplicate does."""
    code = "import time, vaquero; time.sleep(0.3); vaquero.flush()"
    for launcher in (RUN, INSTRUMENT):
        receiver.requests.clear()
        done = run([PYTHON, "-c", code], receiver.url, launcher=launcher)
        assert done.stderr == ""
        assert "system.memory.utilization" in receiver.metric_names
        # Upstream's package, if it is installed, has this name in no convention.
        assert "system.swap.usage" not in receiver.metric_names


def test_subprocesses_are_measured_too(receiver: OtlpReceiver) -> None:
    """A Python program that a program starts is instrumented like its parent."""
    code = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, 'plain.py', '4']))"
    done = run([PYTHON, "-c", code], receiver.url)
    assert done.returncode == 4
    assert len(receiver.named("work")) == 3


def test_a_missing_command_is_127_and_one_line(receiver: OtlpReceiver) -> None:
    """What a shell says for a command that is not there."""
    done = run(["nosuchcommand", "--x"], receiver.url)
    assert done.returncode == 127
    assert done.stderr == "vaquero: nosuchcommand: command not found\n"


def test_a_sitecustomize_of_the_user_still_runs(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """Ours hides theirs on the path, so ours runs theirs, whose module is the one seen."""
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['MARK'] = 'theirs'\nX = 1\n")
    code = "import os, sitecustomize; print(os.environ['MARK'], sitecustomize.X)"
    done = run([PYTHON, "-c", code], receiver.url, PYTHONPATH=str(tmp_path))
    assert done.stdout == "theirs 1\n"
    assert done.stderr == ""


def test_a_broken_sitecustomize_is_reported_as_without_us(
    receiver: OtlpReceiver, tmp_path: Path
) -> None:
    """Python says what it says otherwise, and the program is measured nevertheless."""
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('theirs')\n")
    done = run([PYTHON, "plain.py"], receiver.url, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0
    assert "ValueError: theirs" in done.stderr
    assert len(receiver.named("work")) == 3


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_PROPAGATORS": "nonsense"},
        {"OTEL_PYTHON_CONTEXT": "nonsense"},
        {"OTEL_TRACES_SAMPLER": "nonsense"},
        {"OTEL_BSP_MAX_QUEUE_SIZE": "many"},
        {"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
        {"OTEL_METRICS_EXPORTER": "nonsense"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
        {"OTEL_ATTRIBUTE_COUNT_LIMIT": "-1"},
        {"OTEL_CONFIG_FILE": "/nosuch/otel.yaml"},
    ],
    ids=lambda variables: "=".join(*variables.items()),
)
def test_a_bad_value_costs_one_line_and_no_span(
    variables: dict[str, str], receiver: OtlpReceiver
) -> None:
    """Each of these stops upstream's telemetry or the program; here both go on."""
    done = run([PYTHON, "plain.py", "6"], receiver.url, **variables)
    assert done.returncode == 6, done.stderr
    assert len(receiver.named("work")) == 3
    name, value = next(iter(variables.items()))
    assert done.stderr.count("\n") == 1, done.stderr
    assert name in done.stderr
    assert value in done.stderr


def test_a_bad_value_is_said_under_the_plain_launcher_too(receiver: OtlpReceiver) -> None:
    """The launcher imports vaquero, which takes the value out: the program sees it all the same."""
    variables = {"OTEL_ATTRIBUTE_COUNT_LIMIT": "-1"}
    done = run([PYTHON, "plain.py"], receiver.url, launcher=INSTRUMENT, **variables)
    assert done.stderr.startswith("OTEL_ATTRIBUTE_COUNT_LIMIT='-1' (from environment)")
    assert done.stderr.count("\n") == 1
    assert len(receiver.named("work")) == 3


def test_an_interpreter_without_vaquero_is_named(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """A program of another environment runs as ever, and one line says that it is not measured."""
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    other = tmp_path / "v" / "bin" / "python"
    done = run([str(other), "-c", "print('ran')"], receiver.url)
    assert done.stdout == "ran\n"
    assert done.stderr.count("\n") == 1
    assert str(other) in done.stderr


def test_switched_off_is_off(receiver: OtlpReceiver) -> None:
    """``OTEL_SDK_DISABLED=true``: no request, no thread, no line."""
    code = "import threading, spans; spans.work('x'); print(threading.active_count())"
    done = run([PYTHON, "-c", code], receiver.url, OTEL_SDK_DISABLED="true")
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert receiver.requests == []


def test_ctrl_c_once(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """The program ends by KeyboardInterrupt as without us; its last spans arrive."""
    with served([PYTHON, "patient.py"], receiver.url, tmp_path, probe=False) as program:
        wait_until(lambda: "ready" in program.said, "the start")
        assert program.end() == -signal.SIGINT
        assert program.said.count("KeyboardInterrupt") == 1
    assert [span.attributes["mark"] for span in receiver.named("work")] == ["first", "interrupted"]


def test_ctrl_c_twice(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """A program that needs two of them gets two, and what it did before is delivered."""
    words = [PYTHON, "patient.py", "stubborn"]
    with served(words, receiver.url, tmp_path, probe=False) as program:
        wait_until(lambda: "ready" in program.said, "the start")
        program.press_ctrl_c()
        wait_until(lambda: "again" in program.said, "the first Ctrl-C")
        assert program.end() == -signal.SIGINT
    assert [span.attributes["mark"] for span in receiver.named("work")] == ["first"]


def test_a_backend_that_is_away_is_one_line_and_no_delay() -> None:
    """Nothing listens: the exit code stays, one line names the address and what would do."""
    done = run([PYTHON, "plain.py", "9"], "http://127.0.0.1:9")
    assert done.returncode == 9
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "127.0.0.1:9" in lines[0]


def test_the_two_lines_on_a_terminal(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """On a terminal the start says where telemetry goes, the exit what became of it."""
    code, said = _on_a_terminal([*RUN, PYTHON, "plain.py"], receiver.url)
    assert code == 0
    lines = [line for line in said.splitlines() if line.startswith("vaquero:")]
    assert len(lines) == 2, said
    assert receiver.url in lines[0]
    assert "VAQUERO_QUIET=1" in lines[0]
    assert lines[1] == "vaquero: 3 spans sent."


def test_silence_on_a_terminal(receiver: OtlpReceiver) -> None:
    """``VAQUERO_QUIET=1`` silences both lines."""
    code, said = _on_a_terminal([*RUN, PYTHON, "plain.py"], receiver.url, VAQUERO_QUIET="1")
    assert (code, said) == (0, "")


def test_the_line_at_the_exit_counts_all_processes(receiver: OtlpReceiver) -> None:
    """Spans of subprocesses are in the sum, and one process alone speaks."""
    program = (
        "import subprocess, sys, spans\n"
        "spans.work('p')\n"
        "subprocess.call([sys.executable, 'plain.py'])"
    )
    code, said = _on_a_terminal([*RUN, PYTHON, "-c", program], receiver.url)
    assert code == 0
    lines = [line for line in said.splitlines() if line.startswith("vaquero:")]
    assert len(lines) == 2, said
    assert lines[1] == "vaquero: 4 spans sent."


def _on_a_terminal(words: list[str], endpoint: str, **more: str) -> tuple[int, str]:
    """Run with stderr on a pseudo-terminal; exit code and what was written there."""
    ours, theirs = os.openpty()
    with started(
        words, environ(endpoint, **more), cwd=APPS, stdout=subprocess.DEVNULL, stderr=theirs
    ) as program:
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # What a pseudo-terminal gives when its last writer has gone.
                break
            if not piece:
                break
            said += piece
        code = program.wait(60)
    os.close(ours)
    return code, said.decode().replace("\r\n", "\n")
