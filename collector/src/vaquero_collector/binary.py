"""Finds the Collector's binary and asks it what it is."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from vaquero_collector import building, places
from vaquero_collector.errors import CollectorError, NoBinaryError

MINIMUM_VERSION = (0, 161)
_ON_PATH = (building.BINARY_NAME, "otelcol-contrib", "otelcol")
_PACKAGE = Path(__file__).resolve().parent


def find_binary() -> Path | None:
    """Return the Collector to run, or None where there is none.

    In this order: `VAQUERO_OTELCOL`, the wheel, what was built for this checkout, PATH.

    Raises:
        CollectorError: `VAQUERO_OTELCOL` is set and is not a program.
    """
    if named := os.environ.get("VAQUERO_OTELCOL"):
        found = shutil.which(named)
        if found is None:
            raise CollectorError(
                f"VAQUERO_OTELCOL={named!r} (from environment) is not usable: "
                "expected the path of a Collector's program."
            )
        return Path(found)
    suffix = ".exe" if sys.platform == "win32" else ""
    packaged = _PACKAGE / "bin" / f"{building.BINARY_NAME}{suffix}"
    if packaged.is_file():
        return packaged
    source = places.checkout()
    if source is not None and (cached := building.cached_binary(source)).is_file():
        return cached
    for name in _ON_PATH:
        if found := shutil.which(name):
            return Path(found)
    return None


def require_binary() -> Path:
    """Return the Collector to run.

    Raises:
        NoBinaryError: there is none; the text says how to get one.
    """
    binary = find_binary()
    if binary is not None:
        return binary
    if places.checkout() is not None:
        raise NoBinaryError(
            "no Collector was found: build it by `python -m vaquero_collector.building` (two "
            "minutes), or set VAQUERO_OTELCOL to the path of one."
        )
    raise NoBinaryError(
        "no Collector was found: install the wheel vaquero-collector for this system, put "
        "otelcol-contrib on PATH, or set VAQUERO_OTELCOL to the path of one."
    )


@functools.lru_cache(maxsize=8)
def version(binary: Path) -> tuple[int, int] | None:
    """Return the version of a Collector, e.g. `(0, 161)`; None where it does not say."""
    found = re.search(r"version v?(\d+)\.(\d+)", _ask(binary, "--version"))
    return (int(found[1]), int(found[2])) if found else None


def check_version(binary: Path) -> None:
    """Refuse a Collector that is older than the names in our configuration.

    Raises:
        CollectorError: it is too old.
    """
    found = version(binary)
    if found is not None and found < MINIMUM_VERSION:
        has, needs = (".".join(map(str, number)) for number in (found, MINIMUM_VERSION))
        raise CollectorError(
            f"{binary} is a Collector {has}, which does not know the names that our "
            f"configuration uses: expected {needs} or newer."
        )


@functools.lru_cache(maxsize=8)
def components(binary: Path) -> frozenset[str]:
    """Return the types that a Collector knows, as `"exporters/otlp_http"` and the like."""
    kind = ""
    found: set[str] = set()
    for line in _ask(binary, "components").splitlines():
        if heading := re.match(r"(\w+):\s*$", line):
            kind = heading[1]
        elif item := re.match(r"\s+- name: (\S+)", line):
            found.add(f"{kind}/{item[1]}")
    return frozenset(found)


def _ask(binary: Path, argument: str) -> str:
    try:
        answer = subprocess.run(
            [str(binary), argument], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CollectorError(f"{binary} does not run on this machine: {error}.") from error
    return answer.stdout
