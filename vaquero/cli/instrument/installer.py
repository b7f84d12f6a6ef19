"""Installing instrumentations: what to ask for, whom to ask, and what must stay as it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vaquero.auto_instrumentation.catalog import Instrumentation

CONVENTIONS = "opentelemetry-semantic-conventions"
SDK = "opentelemetry-sdk"

_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class InstallPlan:
    """What one call of the installer is asked for.

    Attributes:
        requirements: What to install, each pinned.
        constraints: What is installed, each as it is.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]

    def only(self, requirements: Iterable[str]) -> InstallPlan:
        """The same for some of the requirements."""
        return replace(self, requirements=tuple(requirements))


def make_plan(
    rows: Iterable[Instrumentation], installed: Mapping[str, str], *, stack: str | None = None
) -> InstallPlan:
    """Work out what to ask the installer for.

    Everything that is installed is held at its version, so that the call can only add.

    Args:
        rows: What is wanted.
        installed: Version by name of everything in the environment.
        stack: A release of the SDK to move OpenTelemetry to; the installed one by default.

    Raises:
        ValueError: ``stack`` is not a release such as ``1.45.1``.
    """
    moves = _moved_packages(installed, stack) if stack else {}
    wanted = {row.package for row in rows}
    beta = moves.get(CONVENTIONS) or installed.get(CONVENTIONS, "")
    requirements = [
        f"{row.package}=={beta}" if row.follows_base and beta else row.package for row in rows
    ]
    requirements += [f"{name}=={version}" for name, version in sorted(moves.items())]
    held = {
        name: version
        for name, version in installed.items()
        if name not in wanted and name not in moves and _is_comparable(version)
    }
    return InstallPlan(
        tuple(requirements),
        tuple(f"{name}=={version}" for name, version in sorted(held.items())),
    )


def beta_of(release: str) -> str:
    """The version of the conventions that belongs to a release: ``1.45.1`` gives ``0.66b1``.

    Raises:
        ValueError: Not a release of three numbers.
    """
    found = _RELEASE.fullmatch(release)
    if found is None:
        raise ValueError(release)
    return f"0.{int(found[2]) + 21}b{found[3]}"


def release_before(release: str) -> str | None:
    """The patch release before: ``1.45.1`` for ``1.45.2``, None for ``1.45.0``."""
    found = _RELEASE.fullmatch(release)
    if found is None or found[3] == "0":
        return None
    return f"{found[1]}.{found[2]}.{int(found[3]) - 1}"


def _moved_packages(installed: Mapping[str, str], stack: str) -> dict[str, str]:
    """Packages of OpenTelemetry that a move to another release takes along."""
    target = {installed.get(SDK): stack, installed.get(CONVENTIONS): beta_of(stack)}
    target.pop(None, None)
    return {
        name: target[version]
        for name, version in installed.items()
        if name.startswith("opentelemetry-") and version in target
    }


class NoInstallerError(Exception):
    """Neither pip nor uv can install into this environment."""


@dataclass(frozen=True)
class Installer:
    """Whoever installs into this environment.

    Attributes:
        name: ``pip`` or ``uv``.
        words: The command before its own options.
    """

    name: str
    words: tuple[str, ...]

    def command(self, plan: InstallPlan, constraints: str, *more: str) -> list[str]:
        """The one call that installs a plan."""
        return [*self.words, *more, "-c", constraints, *plan.requirements]

    def install(self, plan: InstallPlan, *more: str) -> subprocess.CompletedProcess[str]:
        """Install, in one call; its words are kept where it fails."""
        with tempfile.TemporaryDirectory(prefix="vaquero-") as folder:
            held = Path(folder) / "constraints.txt"
            held.write_text("\n".join(plan.constraints) + "\n", "utf-8")
            return _run(self.command(plan, str(held), *more))

    def can_install(self, plan: InstallPlan) -> bool:
        """Whether all of it, with what it needs itself, could be installed."""
        return self.install(plan, "--dry-run").returncode == 0


def find_installer(prefix: str = sys.prefix, python: str = sys.executable) -> Installer:
    """Whoever made this environment: uv where it says so or where pip is missing, else pip.

    Raises:
        NoInstallerError: There is neither.
    """
    scripts = sysconfig.get_path("scripts")
    uv = shutil.which("uv") or shutil.which("uv", path=scripts)
    if uv and (_made_by_uv(Path(prefix)) or find_spec("pip") is None):
        return Installer("uv", (uv, "pip", "install", "--python", python))
    if find_spec("pip") is not None:
        quiet = ("--disable-pip-version-check", "--no-input")
        return Installer("pip", (python, "-m", "pip", "install", *quiet))
    raise NoInstallerError(
        f"{prefix} has neither pip nor uv: '{python} -m ensurepip' gives it pip, or install what "
        "--requirements prints with the tool that made the environment"
    )


def _is_comparable(version: str) -> bool:
    # One package with a broken version must not make the installer refuse the whole list.
    try:
        Version(version)
    except (InvalidVersion, TypeError):
        return False
    return True


def _made_by_uv(prefix: Path) -> bool:
    try:
        lines = (prefix / "pyvenv.cfg").read_text("utf-8").splitlines()
    except OSError:
        return False
    return any(line.partition("=")[0].strip() == "uv" for line in lines)


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
