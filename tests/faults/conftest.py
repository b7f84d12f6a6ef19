"""What every fault test has: a collector that misbehaves, a spool of its own, and programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import clean_environ, run
from vaquero import _log
from vaquero.pipeline.spool import inventory

from .hostile import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

LIFE = Path(__file__).parent / "apps" / "life.py"


@dataclass
class Ended:
    """A program that has ended."""

    code: int
    out: str
    err: str
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def dropped(self) -> int:
        """Spans that it counted as lost."""
        return sum(self.report.get("dropped", {}).values())


class Machine:
    """One user's machine: a spool folder, and programs that run on it."""

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self._folder = folder
        self._runs = 0

    def run(self, way: str, count: int, endpoint: str, **environ: str) -> Ended:
        """Let a program live and end in this way."""
        self._runs += 1
        report = self._folder / f"report{self._runs}.json"
        done = run(
            [sys.executable, str(LIFE), way, str(count)],
            clean_environ(ENDPOINT=endpoint, SPOOL=str(self.spool), REPORT=str(report), **environ),
        )
        read = json.loads(report.read_text()) if report.exists() else {}
        return Ended(done.returncode, done.stdout, done.stderr, read)

    def waiting(self) -> int:
        """Spans that wait in the spool, refused ones aside."""
        return sum(
            sum(entry.signals.values())
            for entry in inventory(self.spool)
            if entry.state != "refused"
        )

    def refused(self) -> int:
        """Spans that are kept for a resend."""
        return sum(
            sum(entry.signals.values())
            for entry in inventory(self.spool)
            if entry.state == "refused"
        )


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    """Each test begins in a process that has said nothing."""
    _log.reset()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with an empty spool."""
    return Machine(tmp_path)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that begins well-behaved."""
    with Collector() as running:
        yield running
