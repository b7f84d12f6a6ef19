"""Run the SDK's own trace tests against our provider.

``python -m tests.conformance`` does so for the oldest and the newest supported version. The tests
come from the SDK's source distribution, which is fetched into a directory outside of the project.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tarfile
import tempfile
import venv
import xml.etree.ElementTree as xml
from pathlib import Path

from tests.conformance.expected import NOT_PASSING

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = 5
#: What the tests import besides the SDK.
TEST_NEEDS = ("pytest", "psutil", "asgiref", "typing_extensions")


def main() -> int:
    """Exit status 0 where all tests pass but the listed ones, which are at most five."""
    options = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    options.add_argument("versions", nargs="*", default=list(NOT_PASSING), help="of the SDK")
    options.add_argument("--work", type=Path, help="keep environments and tests here")
    given = options.parse_args()
    work: Path = given.work or Path(tempfile.mkdtemp(prefix="vaquero-conformance-"))
    return max([run_version(version, work / version) for version in given.versions])


def run_version(version: str, work: Path) -> int:
    """Run the tests of one version; 0 where the outcome is the expected one."""
    work.mkdir(parents=True, exist_ok=True)
    print(f"making an environment with SDK {version}, and fetching its tests", flush=True)
    python = environment(version, work / "env")
    tests = fetch_tests(python, version, work)
    outcome = run_tests(python, tests, work)
    wrong = sorted(name for name, failed in outcome.items() if failed)
    expected = NOT_PASSING.get(version, {})
    print(f"\nSDK {version}: {len(outcome)} tests, {len(outcome) - len(wrong)} pass")
    for name in wrong:
        print(f"  does not pass: {name} ({expected.get(name, 'NOT EXPECTED')})")
    for name in sorted(set(expected) - set(wrong)):
        print(f"  passes, but is listed: {name}")
    return 0 if outcome and set(wrong) == set(expected) and len(wrong) <= ALLOWED else 1


def environment(version: str, place: Path) -> Path:
    """An environment with this version of the SDK; the path of its Python."""
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(place, with_pip=True)
    # The test utilities follow the contrib versions: 1.38 goes with 0.59b, 1.45 with 0.66b.
    beta = f"0.{int(version.split('.')[1]) + 21}"
    _pip(python, f"opentelemetry-sdk=={version}", *TEST_NEEDS)
    _pip(python, "--no-deps", f"opentelemetry-test-utils>={beta}b0,<{beta}.1")
    return python


def _pip(python: Path, *what: str) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *what]
    subprocess.run(command, check=True)


def fetch_tests(python: Path, version: str, work: Path) -> Path:
    """The unpacked source distribution of this version."""
    unpacked = work / f"opentelemetry_sdk-{version}"
    if not unpacked.exists():
        command = [str(python), "-m", "pip", "download", "-q", "--no-binary", ":all:"]
        command += ["--no-deps", "-d", str(work), f"opentelemetry-sdk=={version}"]
        subprocess.run(command, check=True)
        with tarfile.open(work / f"opentelemetry_sdk-{version}.tar.gz") as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(work, filter="data")
            else:
                archive.extractall(work)
    return unpacked


def run_tests(python: Path, source: Path, work: Path) -> dict[str, bool]:
    """Name of each test, and whether it failed."""
    hooks = work / "hooks"
    hooks.mkdir(exist_ok=True)
    own = (ROOT / "tests/conformance/substitute.py").read_text()
    (hooks / "vaquero_substitute.py").write_text(own)
    # Tests that start another Python find our provider there as well.
    (hooks / "sitecustomize.py").write_text("import vaquero_substitute\n")
    report = work / "report.xml"
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(hooks), str(ROOT)]),
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")]),
    }
    command = [str(python), "-m", "pytest", "tests/trace", "-p", "vaquero_substitute", "-q"]
    command += ["--tb=short", f"--junitxml={report}", "-p", "no:cacheprovider"]
    subprocess.run(command, cwd=source, env=variables, check=False, timeout=600)
    return {
        f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name')}": any(
            part.tag in ("failure", "error") for part in case
        )
        for case in xml.parse(report).getroot().iter("testcase")
    }


if __name__ == "__main__":
    raise SystemExit(main())
