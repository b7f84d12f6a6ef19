"""``vaquero instrument``: what is shown, installed and left out, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.unit.auto_instrumentation.environments import put, put_base, put_flask_instrumentation
from vaquero.auto_instrumentation import survey as surveying
from vaquero.auto_instrumentation import switches
from vaquero.cli.group import dispatch
from vaquero.cli.instrument import command as instrument
from vaquero.cli.instrument.installer import Installer, InstallPlan


def test_a_stack_that_is_no_release(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with what would do."""
    assert dispatch(["instrument", "install", "redis", "--stack", "newest", "--dry-run"]) == 2
    assert "'newest'" in capsys.readouterr().err


class _Installer(Installer):
    """Writes down what it is asked for; some packages cannot be had."""

    absent: frozenset[str] = frozenset()
    calls: list[tuple[str, ...]]

    def install(self, plan: InstallPlan, *more: str) -> Any:
        _Installer.calls.append((*more, *plan.requirements))
        failed = any(one.partition("==")[0] in self.absent for one in plan.requirements)
        return subprocess.CompletedProcess([], int(failed), "", "no such release")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The verb looks at a made environment, and its installer only writes down."""
    place = put_base(tmp_path)
    monkeypatch.setattr(
        surveying.metadata,
        "distributions",
        lambda: metadata.Distribution.discover(path=[str(place)]),
    )
    monkeypatch.setattr(_Installer, "calls", [], raising=False)
    monkeypatch.setattr(_Installer, "absent", frozenset())
    monkeypatch.setattr(instrument, "find_installer", lambda: _Installer("pip", ("pip",)))
    monkeypatch.chdir(place)
    return place


def test_all_is_installed_by_one_call(asked: Path) -> None:
    """Two libraries and the standard library's: one call, all pinned."""
    put(asked, "flask", "3.1.3")
    put(asked, "redis", "8.1.0")
    assert CliRunner().invoke(instrument.command, ["install", "--yes"]).exit_code == 0
    (call,) = _Installer.calls
    names = {one.partition("==")[0].removeprefix("opentelemetry-instrumentation-") for one in call}
    assert names == {"flask", "redis", "wsgi", "urllib", "sqlite3", "threading"}
    assert {one.partition("==")[2] for one in call} == {"0.66b1"}


def test_what_cannot_be_had_is_left_out_and_said(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is installed; the exit code says that it is not all."""
    monkeypatch.setattr(_Installer, "absent", frozenset({"opentelemetry-instrumentation-flask"}))
    put(asked, "flask", "3.1.3")
    put(asked, "redis", "8.1.0")
    assert dispatch(["instrument", "install", "flask", "redis", "--yes"]) == 1
    assert "left out: opentelemetry-instrumentation-flask==0.66b1" in capsys.readouterr().err
    assert ("opentelemetry-instrumentation-redis==0.66b1",) in _Installer.calls


def test_nobody_to_ask(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without --yes nothing is installed."""
    put(asked, "redis", "8.1.0")
    result = CliRunner().invoke(instrument.command, ["install", "redis"])
    assert result.exit_code == 2
    assert "--yes" in result.output
    assert _Installer.calls == []


def test_the_dry_run_prints_the_call(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And makes none."""
    put(asked, "redis", "8.1.0")
    assert dispatch(["instrument", "install", "redis", "--dry-run"]) == 0
    assert capsys.readouterr().out == (
        "pip -c INSTALLED opentelemetry-instrumentation-redis==0.66b1\n"
    )
    assert _Installer.calls == []


def test_requirements_for_a_file(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines for a requirements file, for environments that a tool keeps from a list."""
    put(asked, "redis", "8.1.0")
    assert dispatch(["instrument", "install", "redis", "--requirements"]) == 0
    assert capsys.readouterr().out == "opentelemetry-instrumentation-redis==0.66b1\n"


def test_an_unfit_or_unknown_name_is_refused(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each: why it does not fit, and that there is none."""
    put(asked, "sqlalchemy", "2.1.9")
    assert dispatch(["instrument", "install", "sqlalchemy", "--yes"]) == 1
    assert "2.1.9" in capsys.readouterr().err
    assert dispatch(["instrument", "install", "nosuch", "--yes"]) == 2
    assert "'nosuch'" in capsys.readouterr().err


def test_check_says_by_its_exit_code(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 while nothing is missing, 1 and a line for a library without its instrumentation."""
    assert dispatch(["instrument", "check"]) == 0
    put(asked, "flask", "3.1.3")
    assert dispatch(["instrument", "check"]) == 1
    assert "opentelemetry-instrumentation-flask adds server spans" in capsys.readouterr().out
    put_flask_instrumentation(asked)
    assert dispatch(["instrument", "check"]) == 0


def test_the_list(
    asked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a table with what is foreign and mistyped, and as JSON."""
    put(asked, "flask", "3.1.3")
    put_flask_instrumentation(asked)
    put(asked, "acme-tracing", "1.0", points="acme = acme:Instrumentor")
    monkeypatch.setenv(switches.VARIABLE, "flask,redix")
    assert dispatch(["instrument", "list"]) == 0
    said = capsys.readouterr()
    (flask,) = [line for line in said.out.splitlines() if line.startswith("flask")]
    assert flask.split()[:5] == ["flask", "flask", "3.1.3", "0.66b1", "off"]
    assert "acme-tracing 1.0" in said.out
    assert "'redix'" in said.err
    assert "'redis'" in said.err
    assert dispatch(["instrument", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["flask"]["state"] == "off"
    assert rows["flask"]["library_version"] == "3.1.3"
    assert os.environ[switches.VARIABLE] == "flask,redix"


def test_switches_of_gauges_are_known(
    asked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All four gauge packages may be switched off without a remark."""
    monkeypatch.setenv(switches.VARIABLE, "system,container,process,runtime")
    assert dispatch(["instrument", "list"]) == 0
    assert "no instrumentation known" not in capsys.readouterr().err
