"""``vaquero run --view`` and ``--console``: what a person sees of a program."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.otlp_receiver import OtlpReceiver
from tests.support.waiting import wait_until

from .programs import APPS, RUN, environ, run, served

PYTHON = sys.executable
NOWHERE = "http://127.0.0.1:9"

VIEW = [*RUN, "--view", "--no-wait"]

FOUR_GAUGES = (
    "system.cpu.utilization",
    "system.memory.utilization",
    "vaquero.disk.io.rate",
    "vaquero.network.io.rate",
)

pytestmark = pytest.mark.slow


def test_a_script_of_three_seconds_shows_spans_and_four_gauges(tmp_path: Path) -> None:
    """Operations, all four gauges and the slowest trace are printed; stdout is the program's."""
    code = (
        "import sys, time, spans\n"
        "end = time.monotonic() + 3\n"
        "while time.monotonic() < end:\n"
        "    spans.work('x'); time.sleep(0.1)\n"
        "print('mine'); sys.exit(5)"
    )
    done = run([*VIEW, PYTHON, "-c", code], NOWHERE, launcher=[], XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 5
    assert done.stdout == "mine\n"
    assert re.search(r"work\s+internal\s+\d+", done.stderr), done.stderr
    for gauge in FOUR_GAUGES:
        assert gauge in done.stderr
    assert "Slowest trace" in done.stderr
    assert "\x1b" not in done.stderr


def test_the_store_remains_for_later(tmp_path: Path) -> None:
    """What a run sent is in the store that ``vaquero view`` opens."""
    from vaquero_viewer import Store

    run([*VIEW, PYTHON, "plain.py"], NOWHERE, launcher=[], XDG_STATE_HOME=str(tmp_path))
    store = Store(tmp_path / "vaquero" / "viewer.duckdb")
    try:
        # Others on this machine may send to the usual port while the test runs.
        found = [(row.name, row.count) for row in store.operations(service="plain")]
        assert found == [("work", 3)]
    finally:
        store.close()


def test_an_earlier_run_is_not_in_the_summary(tmp_path: Path) -> None:
    """The summary is of this run, although the store holds others."""
    for _ in range(2):
        done = run([*VIEW, PYTHON, "plain.py"], NOWHERE, launcher=[], XDG_STATE_HOME=str(tmp_path))
    assert re.search(r"work\s+internal\s+3\s", done.stderr), done.stderr


def test_a_run_is_told_from_its_start_to_its_end(tmp_path: Path) -> None:
    """Command, commit, exit code and times of the run, and its id on spans but not on the host."""
    import duckdb
    from vaquero_viewer import Store

    code = "import subprocess, sys, spans; spans.work('x'); sys.exit(5)"
    words = [*VIEW, PYTHON, "-c", code]
    run(words, NOWHERE, launcher=[], XDG_STATE_HOME=str(tmp_path), OTEL_SERVICE_NAME="told")
    file = tmp_path / "vaquero" / "viewer.duckdb"
    store = Store(file)
    try:
        # Others on this machine may send to the usual port while the test runs.
        (told,) = [row for row in store.runs() if row.source == "event"]
    finally:
        store.close()
    assert (told.service_name, told.exit_code) == ("told", 5)
    assert told.command is not None
    assert "spans.work" in told.command
    assert re.fullmatch(r"[0-9a-f]{40}", told.revision or "")
    assert told.start_ns is not None
    assert told.end_ns is not None
    assert 0 < told.end_ns - told.start_ns < 100e9
    with duckdb.connect(str(file), read_only=True) as connection:
        spans = "SELECT DISTINCT run_id FROM spans WHERE service_name = 'told'"
        assert connection.execute(spans).fetchall() == [(told.run_id,)]
        ids = dict(
            connection.execute(
                "SELECT name, any_value(run_id) FROM metric_series "
                "WHERE service_name = 'told' GROUP BY name"
            ).fetchall()
        )
    assert ids["process.memory.usage"] == told.run_id, ids
    # Of the programs of a user one tells of the host, and this one is short.
    assert {run_id for name, run_id in ids.items() if name.startswith("system.")} <= {None}


def test_signals_are_handed_on(tmp_path: Path) -> None:
    """SIGTERM to the command reaches the program, and the program's own exit code comes back."""
    code = (
        "import signal, sys, time, spans\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "spans.work('x'); print('ready', flush=True); time.sleep(60)"
    )
    words = [*VIEW, PYTHON, "-c", code]
    with served(
        words, NOWHERE, tmp_path, launcher=[], probe=False, XDG_STATE_HOME=str(tmp_path)
    ) as program:
        wait_until(lambda: "ready" in program.said, lambda: f"the start: {program.said}")
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(60) == 7
        assert re.search(r"work\s+internal\s+1\s", program.said), program.said


def test_what_a_killed_program_left_is_shown_too(tmp_path: Path) -> None:
    """Spans that were in the spool when the program was killed are in the summary."""
    code = (
        "import os, signal, time, spans, vaquero\n"
        "spans.work('x')\n"
        "pipeline = vaquero.get_default_sdk().pipeline\n"
        "while not pipeline.stats().spool_bytes: time.sleep(0.01)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = run(
        [*VIEW, PYTHON, "-c", code],
        NOWHERE,
        launcher=[],
        XDG_STATE_HOME=str(tmp_path),
        OTEL_BSP_SCHEDULE_DELAY="20000",
    )
    assert done.returncode == 128 + signal.SIGKILL
    assert re.search(r"work\s+internal\s+1\s", done.stderr), done.stderr


def test_the_program_gets_no_header_of_another_backend(tmp_path: Path) -> None:
    """Headers, endpoints and keys set for another destination do not reach the viewer's."""
    code = "import os; print(sorted(name for name in os.environ if 'OTLP' in name))"
    done = run(
        [*VIEW, PYTHON, "-c", code],
        NOWHERE,
        launcher=[],
        XDG_STATE_HOME=str(tmp_path),
        OTEL_EXPORTER_OTLP_HEADERS="authorization=secret",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:9/v1/traces",
        OTEL_EXPORTER_OTLP_METRICS_HEADERS="authorization=secret",
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta",
    )
    assert done.stdout.strip() == str(
        [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ]
    )


def test_a_missing_command_starts_no_viewer(tmp_path: Path) -> None:
    """The command is checked first: 127, one line, no store."""
    done = run([*VIEW, "nosuchcommand"], NOWHERE, launcher=[], XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 127
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_console_prints_a_tree_without_a_network() -> None:
    """Spans on stderr, stdout untouched, nothing tried on the network, exit code kept."""
    code = (
        "import sys, vaquero\n"
        "with vaquero.span('outer'):\n"
        "    with vaquero.span('inner'): pass\n"
        "print('mine'); sys.exit(4)"
    )
    done = run(
        ["--console", PYTHON, "-c", code], "", launcher=[*RUN], OTEL_EXPORTER_OTLP_ENDPOINT=""
    )
    assert done.returncode == 4
    assert done.stdout == "mine\n"
    lines = done.stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["outer", "inner"], done.stderr
    assert lines[1].startswith("  inner")


def test_console_sends_too_where_an_endpoint_is_set() -> None:
    """With an endpoint of the user's the tree is printed beside the sending."""
    with OtlpReceiver() as receiver:
        done = run(["--console", PYTHON, "plain.py"], receiver.url, cwd=APPS)
        assert done.stderr.count("work") == 3
        assert len(receiver.named("work")) == 3


def test_on_a_terminal_the_page_stays_until_enter(tmp_path: Path) -> None:
    """The program ends, the summary comes, the page answers; Enter ends it with its exit code."""
    with Terminal([*RUN, "--view", PYTHON, "plain.py", "3"], tmp_path) as terminal:
        terminal.wait_for("Enter or Ctrl-C ends it")
        page = re.search(r"stays up at (http://[\d.:]+)", terminal.said)
        assert page is not None, terminal.said
        with urllib.request.urlopen(page[1], timeout=20) as answer:
            assert answer.status == 200
        terminal.type("\n")
        assert terminal.exit_code() == 3


def test_ctrl_c_reaches_the_program_once_and_then_ends_the_page(tmp_path: Path) -> None:
    """A terminal signals the whole group: the program must not get a second one from us."""
    words = [*RUN, "--view", PYTHON, "patient.py", "stubborn"]
    with Terminal(words, tmp_path) as terminal:
        terminal.wait_for("ready")
        terminal.type("\x03")
        terminal.wait_for("again")  # It would have died of a second signal.
        terminal.type("\x03")
        terminal.wait_for("Enter or Ctrl-C ends it")
        terminal.type("\x03")
        assert terminal.exit_code() == 128 + signal.SIGINT


class Terminal:
    """A program on a pseudo-terminal of its own, with what it writes there."""

    def __init__(self, words: list[str], state: Path) -> None:
        self.said = ""
        self._pid, self._handle = pty.fork()
        if self._pid == 0:
            os.chdir(APPS)
            os.execve(words[0], words, environ(NOWHERE, XDG_STATE_HOME=str(state)))

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.close(self._handle)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._handle, text.encode())

    def wait_for(self, text: str, timeout_s: float = 60.0) -> None:
        """Read until this was written."""
        deadline = time.monotonic() + timeout_s
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            if not self._read(0.2):
                raise AssertionError(f"it ended: {self.said}")

    def exit_code(self, timeout_s: float = 60.0) -> int:
        """Read until it ends."""
        deadline = time.monotonic() + timeout_s
        while self._read(0.2):
            assert time.monotonic() < deadline, self.said
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self, timeout_s: float) -> bool:
        """Whether it is still there; what it wrote is kept."""
        if not select.select([self._handle], [], [], timeout_s)[0]:
            return True
        try:
            piece = os.read(self._handle, 4096)
        except OSError:
            return False
        self.said += piece.decode("utf-8", "replace")
        return bool(piece)
