"""Settings of the whole process: judging leaves it as it is, building mends what fails in it."""

from __future__ import annotations

import sys
import textwrap
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import clean_environ, run

if TYPE_CHECKING:
    from pathlib import Path

QUIET = {
    "VAQUERO_SPOOL": "false",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}


def _printed(code: str, folder: Path, **environ: str) -> str:
    """What a program of its own prints: the API reads its variable once in a process."""
    words = [sys.executable, "-c", textwrap.dedent(code)]
    result = run(words, clean_environ(**{**QUIET, **environ}), cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


#: A propagator whose import imports the API's: not in the environments of the unit tests alone.
XRAY = pytest.param(
    "xray,nosuch",
    "xray",
    marks=pytest.mark.skipif(
        not entry_points(group="opentelemetry_propagator", name="xray"), reason="no X-Ray here"
    ),
)


@pytest.mark.parametrize(("written", "usable"), [("b3,nosuch", "b3"), XRAY])
def test_judging_leaves_the_environment_as_it_is(written: str, usable: str, tmp_path: Path) -> None:
    """Names that the API's import fails on stay, and cost no propagator that imports the API's."""
    printed = _printed(
        """
        import os
        from vaquero.sdk import judges
        before = dict(os.environ)
        settings = judges.load()
        import opentelemetry.propagate
        print(before == dict(os.environ), settings["propagators"], len(settings.problems))
        """,
        tmp_path,
        OTEL_PROPAGATORS=written,
    )

    assert printed == f"True ('{usable}',) 1"


def test_a_program_takes_names_that_the_api_fails_on_out_of_its_environment(
    tmp_path: Path,
) -> None:
    """What holds is what processes below are given too."""
    printed = _printed(
        """
        import os, vaquero
        print(vaquero.init().is_enabled(), os.environ["OTEL_PROPAGATORS"])
        """,
        tmp_path,
        OTEL_PROPAGATORS="b3,nosuch",
    )

    assert printed == "True b3"


@pytest.mark.parametrize("source", ["argument", "file"])
def test_names_that_the_api_fails_on_stop_no_program_that_gives_others(
    source: str, tmp_path: Path
) -> None:
    """The API reads its variable whatever source wins here."""
    text = "file_format: '1.0'\npropagator: {composite: [b3: ]}\n"
    (tmp_path / "otel.yaml").write_text(text)
    printed = _printed(
        f"""
        import vaquero
        arguments = {{"propagators": ["b3"]}} if {source!r} == "argument" else {{}}
        sdk = vaquero.init(**arguments)
        from opentelemetry import propagate
        print(sdk.is_enabled(), sorted(propagate.get_global_textmap().fields))
        """,
        tmp_path,
        OTEL_PROPAGATORS="nosuch",
        **({"OTEL_CONFIG_FILE": "otel.yaml"} if source == "file" else {}),
    )

    assert printed == "True ['b3']"
