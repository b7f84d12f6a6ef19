"""Capturing telemetry in tests."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger

import vaquero
from vaquero import testing

EARLY = trace.get_tracer("made before any capture")
METER = metrics.get_meter("made before any capture")
COUNTER = METER.create_counter("early.count")


def test_spans_metrics_and_logs_are_found() -> None:
    """Everything made inside the block is there, by name and attributes."""
    with testing.capture() as telemetry:
        with vaquero.span("checkout", items=3, **{"http.route": "/pay"}):
            with EARLY.start_as_current_span("payment"):
                COUNTER.add(2, {"kind": "card"})
            get_logger("x").emit(body="paid")

        checkout = telemetry.span("checkout", items=3, http__route="/pay")
        assert [child.name for child in telemetry.children(checkout)] == ["payment"]
        assert telemetry.metric("early.count", kind="card").value == 2
        assert [record.body for record in telemetry.logs] == ["paid"]


def test_nothing_leaks_from_one_capture_into_the_next() -> None:
    """A second capture sees only its own, through tracers and counters made long before."""
    for number in (1, 2):
        with testing.capture() as telemetry:
            with EARLY.start_as_current_span("work"):
                COUNTER.add(number)

            assert len(telemetry.spans) == 1
            assert telemetry.metric("early.count").value == number


def test_the_places_are_as_before_afterwards() -> None:
    """The API's providers and their once-only marks are put back."""
    before = (trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE)
    with testing.capture():
        pass

    assert (trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE) == before


def test_a_capture_inside_another_takes_over_until_it_ends() -> None:
    """The inner one gets the spans of its block, the outer one the others."""
    with testing.capture() as outer:
        with testing.capture() as inner:
            vaquero.span("in").finish()
        with vaquero.span("out"):
            pass

    assert [span.name for span in inner.spans] == ["in"]
    assert [span.name for span in outer.spans] == ["out"]


def test_a_miss_shows_what_is_there() -> None:
    """The error of a failed look holds the tree, with durations, attributes and errors."""
    with testing.capture() as telemetry:
        with pytest.raises(ValueError, match="no"), vaquero.span("root", a=1):
            raise ValueError("no")
        with pytest.raises(AssertionError) as caught:
            telemetry.span("other")
        with pytest.raises(AssertionError, match="found 0 among"):
            telemetry.metric("nosuch")

    text = str(caught.value)
    assert "expected one span 'other' with {}, found 0" in text
    assert "root" in text
    assert "ERROR" in text
    assert "a = 1" in text


def _plugin() -> list[str]:
    """Where vaquero is installed pytest finds the plugin; in a bare checkout it is named."""
    found = entry_points(group="pytest11")
    known = any(point.value == "vaquero_pytest" for point in found)
    return [] if known else ["-p", "vaquero_pytest"]


UNTOUCHED = """
import sys

def test_nothing_of_vaquero():
    assert [name for name in sys.modules if name.split(".")[0] == "vaquero"] == []
    assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""


def test_the_plugin_imports_nothing_until_it_is_asked(tmp_path: Path) -> None:
    """A project that only has vaquero installed runs its tests without it."""
    (tmp_path / "test_it.py").write_text(UNTOUCHED)
    root = Path(vaquero.__file__).resolve().parents[1]

    result = subprocess.run(
        [sys.executable, "-m", "pytest", *_plugin()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert "1 passed" in result.stdout, result.stdout + result.stderr


PROJECT = """
import vaquero

def test_good(telemetry):
    with vaquero.span("good"):
        pass
    assert telemetry.span("good")

def test_bad(telemetry):
    with vaquero.span("bad", reason="because"):
        pass
    assert [span.name for span in telemetry.spans] == ["good"]
"""


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_the_plugin_gives_the_fixture_and_shows_the_tree(
    tmp_path: Path, arguments: list[str]
) -> None:
    """In a project of its own: one passes, the failed one shows what was captured."""
    (tmp_path / "test_it.py").write_text(textwrap.dedent(PROJECT))
    root = Path(vaquero.__file__).resolve().parents[1]

    result = subprocess.run(
        [sys.executable, "-m", "pytest", *_plugin(), *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert "1 failed, 1 passed" in result.stdout, result.stdout + result.stderr
    assert "Captured telemetry" in result.stdout
    assert "reason = 'because'" in result.stdout
