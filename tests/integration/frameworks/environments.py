"""Two virtual environments with the same packages: one with vaquero, one with upstream's distro."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
APPS = ROOT / "tests" / "apps"
REQUIREMENTS = APPS / "requirements.txt"

#: In the order of their dependencies; the last is vaquero itself.
PACKAGES = [
    *(ROOT / "instrumentations" / name for name in ("common", "system", "container")),
    *(ROOT / "instrumentations" / name for name in ("process", "runtime")),
    ROOT,
]


def environment(kind: str) -> Path:
    """Folder of the programs of an environment; made where it is not there yet, kept for the next.

    Args:
        kind: ``vaquero`` (from this checkout) or ``upstream``.
    """
    folder = Path(tempfile.gettempdir()) / f"vaquero-frameworks-{os.getuid()}-{_digest(kind)}"
    with _locked(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, kind)
            (folder / "complete").touch()
    return folder / "bin"


def _digest(kind: str) -> str:
    digest = hashlib.sha256(f"{kind} {sys.version} {ROOT}".encode())
    digest.update(REQUIREMENTS.read_bytes())
    if kind == "vaquero":
        for package in PACKAGES:
            digest.update((package / "pyproject.toml").read_bytes())
    return digest.hexdigest()[:12]


def _make(folder: Path, kind: str) -> None:
    uv = [sys.executable, "-m", "uv"]
    _call([*uv, "venv", "--python", sys.executable, str(folder)])
    install = [*uv, "pip", "install", "--python", str(folder / "bin" / "python")]
    _call([*install, "-r", str(REQUIREMENTS)])
    if kind == "vaquero":
        distros = ["opentelemetry-distro"]
        _call([*uv, "pip", "uninstall", "--python", str(folder / "bin" / "python"), *distros])
        editable = [word for package in PACKAGES for word in ("-e", str(package))]
        _call([*install, "--no-deps", *editable], VAQUERO_PIN="==0.1.0")


def _call(words: list[str], **more: str) -> None:
    done = subprocess.run(
        words, env=os.environ | more, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time: workers of a test run share the environments."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
