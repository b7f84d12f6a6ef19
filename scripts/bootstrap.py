"""Make a virtual environment of this checkout: ``python3 scripts/bootstrap.py PROFILE [PYTHON]``.

Profiles: ``dev`` (everything that ``make test`` needs), ``demo`` (what a newcomer needs), ``unit``
(unit tests on one Python), ``floor`` (unit tests on the oldest supported SDK). Needs nothing but
Python 3.10 or newer with ``venv``. Does nothing when the environment is there and up to date, and
prints the path of its interpreter.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "conditions",
    "instrumentations/common",
    "instrumentations/system",
    "instrumentations/container",
    "instrumentations/process",
    "instrumentations/runtime",
    "viewer",
    "collector",
)
EDITABLE = {
    "dev": PACKAGES,
    "demo": PACKAGES[:7],
    "unit": PACKAGES[:7],
    "floor": PACKAGES[:7],
}
REQUIREMENTS = {
    "dev": ("requirements/dev.in",),
    "demo": (),
    "unit": ("requirements/unit.in",),
    "floor": ("requirements/unit.in",),
}
EXTRAS = {"dev": "[demo]", "demo": "[demo]", "unit": "[demo]", "floor": "[viewer]"}
OLDEST = (3, 10)


def main(arguments: list[str]) -> int:
    """Make the environment; the exit code is 0 when it is ready."""
    profile = arguments[0] if arguments else "dev"
    if profile not in EDITABLE:
        print(f"unknown profile {profile!r}: expected one of {', '.join(EDITABLE)}")
        return 2
    python = arguments[1] if len(arguments) > 1 else _python()
    folder = ROOT / _folder(profile, python if len(arguments) > 1 else None)
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / ".bootstrap"
    wanted = _fingerprint(profile, python)
    if interpreter.exists() and stamp.exists() and stamp.read_text() == wanted:
        print(interpreter)
        return 0
    _create(python, folder)
    _install(profile, str(interpreter))
    stamp.write_text(wanted)
    print(interpreter)
    return 0


def _folder(profile: str, python: str | None) -> str:
    if python is not None:
        return f".venv-{profile}-{Path(python).name}"
    return {"dev": ".venv", "demo": ".venv"}.get(profile, f".venv-{profile}")


def _python() -> str:
    for name in (sys.executable, "python3.13", "python3.12", "python3.11", "python3.10"):
        path = name if os.path.isabs(name) else shutil.which(name)
        if path and _version(path) >= OLDEST:
            return path
    raise SystemExit(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; found none on PATH.")


def _version(path: str) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    result = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in result.stdout.split()) if result.returncode == 0 else (0,)


def _fingerprint(profile: str, python: str) -> str:
    digest = hashlib.sha256(f"{profile} {python}".encode())
    files = [ROOT / "pyproject.toml", ROOT / "constraints.txt", Path(__file__)]
    files += [ROOT / package / "pyproject.toml" for package in PACKAGES]
    files += sorted((ROOT / "requirements").iterdir())
    for path in files:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def _create(python: str, folder: Path) -> None:
    if (folder / "pyvenv.cfg").exists():
        return
    try:
        subprocess.run([python, "-m", "venv", str(folder)], check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError:
        shutil.rmtree(folder, ignore_errors=True)
        raise SystemExit(
            f"{python} cannot make virtual environments. On Debian and Ubuntu "
            "`apt-get install python3-venv` adds what is missing."
        ) from None


def _install(profile: str, python: str) -> None:
    # With the pin, packages of the checkout depend on each other by version, so that one command
    # can install them all editable instead of as copies.
    environ = {**os.environ, "VAQUERO_PIN": "==0.1.0", "VAQUERO_COLLECTOR_BUILD": "skip"}
    constraint = ["-c", str(ROOT / "constraints.txt")]
    if profile == "floor":
        constraint = ["-c", str(ROOT / "requirements" / "floor.txt")]
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *constraint, "uv"], check=True, env=environ, stdout=sys.stderr)
    command = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, *constraint]
    for package in EDITABLE[profile]:
        command += ["-e", str(ROOT / package)]
    command += ["-e", f"{ROOT}{EXTRAS[profile]}"]
    for name in REQUIREMENTS[profile]:
        command += ["-r", str(ROOT / name)]
    subprocess.run(command, check=True, env=environ, stdout=sys.stderr, cwd=ROOT)
    if profile == "dev":
        alone = ["--no-deps", "-r", str(ROOT / "requirements" / "alone.txt")]
        command = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, *alone]
        subprocess.run(command, check=True, stdout=sys.stderr, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
