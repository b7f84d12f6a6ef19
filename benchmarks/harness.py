"""Interleaved rounds over processes, and medians of the ratios of each round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.subjects import Subject


class WorkerProcess:
    """A process that does what it is told in lines of JSON, and answers in such lines.

    Args:
        name: For messages.
        module: What it runs, by ``python -m``.
        arguments: What follows.
        env: Its environment.
    """

    def __init__(
        self, name: str, module: str, arguments: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(env),
        )
        self._answer()

    def order(self, what: str, **details: Any) -> dict[str, float]:
        """Have something done, and give what was measured."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"what": what, **details}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} has ended: {self._process.wait()}")
        return json.loads(line)

    def stop(self) -> None:
        """Let the process end by itself, else end it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def environment(mode: str) -> dict[str, str]:
    """The environment of a measured process: no settings of the machine's own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "VAQUERO_"))}
    if mode == "disabled":
        kept["OTEL_SDK_DISABLED"] = "true"
    return kept


class Worker(WorkerProcess):
    """One subject in its process."""

    def __init__(self, subject: Subject, endpoint: str, mode: str) -> None:
        arguments = (subject.name, endpoint, mode)
        super().__init__(subject.name, "benchmarks.worker", arguments, environment(mode))


@contextmanager
def workers(subjects: Sequence[Subject], endpoint: str, mode: str) -> Iterator[list[Worker]]:
    """A process for each subject."""
    with ExitStack() as stack:
        made: list[Worker] = []
        for subject in subjects:
            worker = Worker(subject, endpoint, mode)
            stack.callback(worker.stop)
            made.append(worker)
        yield made


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: What was measured.
        base: Median of the bare SDK, with its unit in ``unit``.
        unit: Such as ``us``.
        ratios: For each other subject the median over the rounds of its ratio to the bare SDK.
        target: What is asked for; empty for none.
    """

    name: str
    base: float
    unit: str
    ratios: dict[str, float]
    target: str = ""

    def line(self, names: Sequence[str]) -> str:
        """The row in Markdown."""
        cells = [f"{self.ratios[name]:.2f}" if name in self.ratios else "" for name in names]
        return (
            f"| {self.name} | {self.base:.4g} {self.unit} | {' | '.join(cells)} | {self.target} |"
        )


def rounds(
    made: Sequence[Worker], number: int, what: str, **details: Any
) -> list[dict[str, dict[str, float]]]:
    """What each worker measured in each of the interleaved rounds."""
    seen: list[dict[str, dict[str, float]]] = []
    for turn in range(number):
        # Another one begins each time, so that none always runs on a warm or a busy machine.
        turned = [*made[turn % len(made) :], *made[: turn % len(made)]]
        seen.append({worker.name: worker.order(what, **details) for worker in turned})
    return seen


def ratios_of(
    made: Sequence[Worker], seen: list[dict[str, dict[str, float]]], field: str
) -> tuple[float, dict[str, float]]:
    """The first worker's median, and the medians of the others' ratios to it in each round."""
    base = made[0].name
    ratios = {
        worker.name: median(one[worker.name][field] / one[base][field] for one in seen)
        for worker in made[1:]
    }
    return median(one[base][field] for one in seen), ratios


def compare(
    made: Sequence[Worker], number: int, field: str, what: str, **details: Any
) -> tuple[float, dict[str, float]]:
    """:func:`rounds` and :func:`ratios_of` in one."""
    return ratios_of(made, rounds(made, number, what, **details), field)
