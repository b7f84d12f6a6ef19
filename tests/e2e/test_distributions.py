"""Beside other distributions and broken instrumentations, under both launchers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.otlp_receiver import OtlpReceiver

from .programs import INSTRUMENT, RUN, run

PYTHON = sys.executable

MODULE = """
from opentelemetry.instrumentation.distro import BaseDistro

class Distro(BaseDistro):
    def _configure(self, **kwargs):
        print("the other distro")

class Configurator:
    def configure(self, **kwargs):
        print("the other configurator")

class Broken:
    def instrument(self, **kwargs):
        raise ValueError("not today")

class Fine:
    def instrument(self, **kwargs):
        print("fine")
"""

BOTH = """
[opentelemetry_distro]
other = other_distro:Distro

[opentelemetry_configurator]
other = other_distro:Configurator
"""

INSTRUMENTORS = """
[opentelemetry_instrumentor]
a_broken = other_distro:Broken
b_fine = other_distro:Fine
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder of packages that comes first, with another distribution's module in it."""
    (tmp_path / "other_distro.py").write_text(MODULE)
    folder = tmp_path / "other_distro-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other-distro\nVersion: 1.0\n")
    return tmp_path


def _offer(installed: Path, entry_points: str) -> None:
    (installed / "other_distro-1.0.dist-info" / "entry_points.txt").write_text(entry_points)


@pytest.mark.parametrize("launcher", [RUN, INSTRUMENT], ids=["run", "instrument"])
def test_vaquero_is_chosen_quietly(launcher: list[str], installed: Path) -> None:
    """Another distribution that upstream would find first is passed over, without a warning."""
    _offer(installed, BOTH)
    with OtlpReceiver() as receiver:
        done = run([PYTHON, "plain.py"], receiver.url, launcher=launcher, PYTHONPATH=str(installed))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert len(receiver.named("work")) == 3


def test_the_users_choice_is_obeyed_by_the_plain_launcher(installed: Path) -> None:
    """Whoever names another distribution gets that one, whole."""
    _offer(installed, BOTH)
    flags = [*INSTRUMENT, "--distro", "other", "--configurator", "other"]
    done = run([PYTHON, "-c", ""], "http://127.0.0.1:9", launcher=flags, PYTHONPATH=str(installed))
    assert done.stdout.splitlines() == ["the other distro", "the other configurator"]


@pytest.mark.parametrize("launcher", [RUN, INSTRUMENT], ids=["run", "instrument"])
def test_a_broken_instrumentation_stops_nothing(launcher: list[str], installed: Path) -> None:
    """It is one line; the next one is loaded, and spans arrive."""
    _offer(installed, INSTRUMENTORS)
    with OtlpReceiver() as receiver:
        done = run([PYTHON, "plain.py"], receiver.url, launcher=launcher, PYTHONPATH=str(installed))
        assert done.stdout == "fine\n"
        assert done.stderr.count("\n") == 1
        assert "'a_broken' failed and is skipped (ValueError: not today)" in done.stderr
        assert len(receiver.named("work")) == 3
