"""The command line itself: verbs, errors, exit codes."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from typing import Any

import click
import pytest

from vaquero.cli import group


def _offer(monkeypatch: pytest.MonkeyPatch, **verbs: Any) -> None:
    class Point:
        def __init__(self, name: str, target: Any) -> None:
            self.name = name
            self._target = target

        def load(self) -> Any:
            if isinstance(self._target, Exception):
                raise self._target
            return self._target

    points = {name: Point(name, target) for name, target in verbs.items()}
    monkeypatch.setattr(group, "_entry_points", lambda: points)


def test_a_verb_of_another_package_is_called_with_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An entry point may be a plain function: it gets all words, and gives the exit code."""
    seen: list[list[str]] = []

    def herd(words: list[str]) -> int:
        """Herd the cattle."""
        seen.append(words)
        return 7

    _offer(monkeypatch, herd=herd)
    assert group.dispatch(["herd", "--fast", "-x", "1"]) == 7
    assert seen == [["--fast", "-x", "1"]]


def test_a_verb_of_another_package_may_be_a_click_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A click command is used as it is, with its own options."""

    @click.command()
    @click.option("--count", type=int)
    def herd(count: int) -> int:
        return count

    _offer(monkeypatch, herd=herd)
    assert group.dispatch(["herd", "--count", "3"]) == 3


def test_help_lists_every_verb_and_survives_a_broken_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One package that cannot be imported does not take the help away."""
    _offer(monkeypatch, broken=ImportError("no duckdb"))
    assert group.dispatch(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb in group.VERBS:
        assert verb in shown
    assert "no duckdb" in shown


@pytest.mark.parametrize("verb", ["view", "collector"])
def test_a_verb_whose_package_is_missing_says_what_to_install(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``vaquero view`` without the viewer is one line with the command to type."""
    _offer(monkeypatch)
    assert group.dispatch([verb]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install" in said
    assert f"[{group.EXTRAS[verb]}]" in said


def test_errors_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown verb is 2, a fault of ours is 1, Ctrl-C is 130; never a stack trace."""

    def fault(words: list[str]) -> int:
        raise OSError("disk\nfull")

    def stopped(words: list[str]) -> int:
        raise KeyboardInterrupt

    _offer(monkeypatch, fault=fault, stopped=stopped)
    monkeypatch.delenv("VAQUERO_DEBUG", raising=False)
    assert group.dispatch(["nosuch"]) == 2
    assert group.dispatch(["fault"]) == 1
    assert group.dispatch(["stopped"]) == 130
    said = list(filter(None, capsys.readouterr().err.split("\n")))
    assert len(said) == 2
    assert "nosuch" in said[0]
    assert "OSError: disk full" in said[1]


def test_a_reader_that_leaves_is_no_fault() -> None:
    """``vaquero config | head -1`` prints nothing on stderr."""
    script = f"{sys.executable} -m vaquero.cli config | head -1"
    found = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.startswith("setting")
    assert found.stderr == ""


def test_starting_the_command_line_loads_no_sdk() -> None:
    """``vaquero run`` replaces itself quickly: neither SDK nor rich are imported on its way."""
    code = (
        "import sys\n"
        "from vaquero.cli import main\n"
        "main(['run', '--help'])\n"
        "heavy = {'rich', 'opentelemetry', 'psutil'}\n"
        "sys.exit(bool(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert found.returncode == 0


def test_our_verbs_are_found_by_installed_entry_points() -> None:
    """The distribution offers the command ``vaquero``, and its two entry points by name."""
    points = importlib.metadata.entry_points()
    assert {point.value for point in points.select(group="console_scripts", name="vaquero")} == {
        "vaquero.cli:main"
    }
    for kind in ("opentelemetry_distro", "opentelemetry_configurator"):
        assert points.select(group=kind, name="vaquero")
