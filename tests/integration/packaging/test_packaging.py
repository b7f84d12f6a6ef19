"""What is built installs elsewhere: wheels without the checkout, the checkout with an old pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.packaging, pytest.mark.slow, pytest.mark.timeout(300)]


def _run(*command: str, cwd: Path | None = None, timeout: float = 200, **environ: str) -> str:
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**own, **environ},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _work_of_children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _python(folder: Path) -> str:
    return str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, so that nothing untracked helps."""
    folder = tmp_path_factory.mktemp("checkout") / "vaquero"
    tracked = _run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, tracked):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


@pytest.fixture(scope="module")
def wheels(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of all packages but the Collector, whose own tests build it."""
    folder = tmp_path_factory.mktemp("dist")
    _run(
        sys.executable, "scripts/dist.py", str(folder), "--wheels", "--without", "collector",
        cwd=checkout,
    )  # fmt: skip
    return folder


def test_no_wheel_depends_on_a_place_in_a_checkout(wheels: Path) -> None:
    """A published wheel names versions, never files."""
    found: dict[str, list[str]] = {}
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            text = archive.read(name).decode()
        requirements = [line for line in text.splitlines() if line.startswith("Requires-Dist:")]
        found[wheel.name] = [line for line in requirements if "file:" in line or " @ " in line]

    assert len(found) == 8
    assert not any(found.values()), found


PROBE = """
import vaquero, vaquero_conditions.sql, vaquero_viewer, vaquero_instrumentation_system
from vaquero.pipeline import Pipeline
from importlib.metadata import entry_points
print([point.name for point in entry_points(group="opentelemetry_distro")
       if point.value.startswith("vaquero")], vaquero.__version__, vaquero.__file__)
"""


def test_the_wheels_work_after_the_checkout_is_gone(wheels: Path, tmp_path: Path) -> None:
    """Installed without an index into an empty environment, they import from there."""
    home = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", str(home))
    _run(
        sys.executable, "-m", "uv", "pip", "install", "--python", _python(home), "--no-index",
        "--no-deps", *(str(wheel) for wheel in wheels.glob("*.whl")),
    )  # fmt: skip
    # Third parties come from the environment of the tests; ours must come from the wheels.
    own = _run(_python(home), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    path = os.pathsep.join([own.strip(), sysconfig.get_path("purelib")])

    said = _run(_python(home), "-c", PROBE, cwd=tmp_path, PYTHONPATH=path)

    assert said.startswith("['vaquero'] 0.1.0")
    assert str(home) in said
    shop = Path(own.strip()) / "vaquero" / "_examples" / "shop" / "app.py"
    assert shop.is_file(), "the demo's application is not in the wheel"


def test_an_old_pip_resolves_the_demo_soon(checkout: Path, tmp_path: Path) -> None:
    """Debian's pip 23.0 finds a set of versions for `.[demo]` within a minute of work.

    CPU time, not the clock: other tests run at the same time. Without lower bounds in the
    requirements it searches for more than ten minutes.
    """
    home = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", str(home))
    _run(_python(home), "-m", "pip", "install", "-q", "pip==23.0.1")

    before = _work_of_children_s()
    said = _run(
        _python(home), "-m", "pip", "install", "--dry-run", ".[demo]", cwd=checkout, timeout=280
    )

    assert _work_of_children_s() - before < 60
    assert "Would install" in said
    assert "vaquero-otel-0.1.0" in said
