"""Two virtual environments with the same packages: one with vaquero, one with upstream's distro."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.made_once import ROOT, Folder, call

if TYPE_CHECKING:
    from collections.abc import Iterator

APPS = ROOT / "tests" / "apps"
REQUIREMENTS = APPS / "requirements.txt"

#: In the order of their dependencies; the last is vaquero itself.
PACKAGES = [
    ROOT / "conditions",
    *(ROOT / "instrumentations" / name for name in ("common", "system", "container")),
    *(ROOT / "instrumentations" / name for name in ("process", "runtime")),
    ROOT,
]


class _Inputs:
    """What decides the content, read each time that it is asked for."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths

    def __iter__(self) -> Iterator[bytes]:
        return (path.read_bytes() for path in self._paths)


def _fill_with_upstream(folder: Path) -> None:
    uv = [sys.executable, "-m", "uv"]
    call([*uv, "venv", "--python", sys.executable, str(folder), "--allow-existing"])
    python = str(folder / "bin" / "python")
    call([*uv, "pip", "install", "--python", python, "-r", str(REQUIREMENTS)])


def _fill_with_vaquero(folder: Path) -> None:
    _fill_with_upstream(folder)
    uv = [sys.executable, "-m", "uv", "pip"]
    python = ["--python", str(folder / "bin" / "python")]
    call([*uv, "uninstall", *python, "opentelemetry-distro"])
    editable = [word for package in PACKAGES for word in ("-e", str(package))]
    call([*uv, "install", *python, "--no-deps", *editable], VAQUERO_PIN="==0.1.0")


#: From this checkout, editable.
WITH_VAQUERO = Folder(
    "environment-vaquero",
    _Inputs(REQUIREMENTS, *(package / "pyproject.toml" for package in PACKAGES)),
    _fill_with_vaquero,
)
WITH_UPSTREAM = Folder("environment-upstream", _Inputs(REQUIREMENTS), _fill_with_upstream)
