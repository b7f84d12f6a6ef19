"""``vaquero instrument install`` in a real environment, by the real installers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import APPS, PACKAGES, REQUIREMENTS
from tests.support.processes import clean_environ, run

if TYPE_CHECKING:
    from collections.abc import Mapping

# That environment's making has put what is installed here into uv's cache.
pytestmark = [
    pytest.mark.packaging,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.usefixtures("environment_with_vaquero"),
]

UV = [sys.executable, "-m", "uv"]

#: Instrumentations stay out; everything else is of the pinned releases.
LIBRARIES = ("flask", "redis")


def _call(words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    return run(words, clean_environ("PYTHONPATH", **more), cwd=APPS, timeout_s=300)


def _versions(python: str) -> Mapping[str, str]:
    code = (
        "import json; from importlib.metadata import distributions as d; "
        "print(json.dumps({one.metadata['Name']: one.version for one in d()}))"
    )
    return json.loads(_call([python, "-c", code]).stdout)


@pytest.mark.parametrize("seed", [(), ("--seed",)], ids=["uv", "pip"])
def test_what_is_missing_is_installed_and_nothing_else_changes(
    seed: tuple[str, ...], tmp_path: Path
) -> None:
    """One call, by whoever made the environment, adds what fits; every version of before stays."""
    folder = tmp_path / "venv"
    python = str(folder / "bin" / "python")
    assert _call([*UV, "venv", *seed, "--python", sys.executable, str(folder)]).returncode == 0
    editable = [word for package in PACKAGES for word in ("-e", str(package))]
    install = [*UV, "pip", "install", "--python", python, "-c", str(REQUIREMENTS)]
    made = _call([*install, *editable, *LIBRARIES], VAQUERO_PIN="==0.1.0")
    assert made.returncode == 0, made.stderr
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if seed:
        # An environment that the standard library made says nothing of uv.
        about = folder / "pyvenv.cfg"
        lines = about.read_text("utf-8").splitlines()
        about.write_text("\n".join(line for line in lines if not line.startswith("uv ")) + "\n")
    verb = [python, "-m", "vaquero.cli", "instrument"]
    before = _versions(python)

    assert _call([*verb, "check"], PATH=path).returncode == 1
    planned = _call([*verb, "install", "flask", "redis", "--dry-run"], PATH=path)
    assert ("-m pip install" in planned.stdout) is bool(seed), planned.stdout
    done = _call([*verb, "install", "flask", "redis", "--yes"], PATH=path)
    assert done.returncode == 0, done.stderr
    after = _versions(python)

    assert {name: after.get(name) for name in before} == before
    base = before["opentelemetry-semantic-conventions"]
    assert after["opentelemetry-instrumentation-flask"] == base
    assert after["opentelemetry-instrumentation-redis"] == base
    assert _call([*verb, "check"], PATH=path).returncode == 0
    rows = json.loads(_call([*verb, "list", "--json"], PATH=path).stdout)
    assert {row["name"] for row in rows if row["state"] == "on"} >= {"flask", "redis"}
