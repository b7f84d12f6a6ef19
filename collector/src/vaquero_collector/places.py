"""Where things are: what came with the package, and what a running Collector leaves behind."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from vaquero_collector.building import xdg_folder
from vaquero_collector.errors import CollectorError

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Return the folder `collector/` of the checkout this runs from, None for a wheel."""
    folder = _PACKAGE.parents[1]
    return folder if (folder / "manifest.yaml").is_file() else None


def base_config() -> Path:
    """Return the one configuration: packaged, else that of the checkout.

    Raises:
        CollectorError: the installation is incomplete.
    """
    source = checkout()
    places = [_PACKAGE / "collector-config.yaml"]
    if source is not None:
        places += [source.parent / "collector-config.yaml", source / "collector-config.yaml"]
    for path in places:
        if path.is_file():
            return path
    names = " nor ".join(str(path) for path in places)
    raise CollectorError(f"collector-config.yaml is not at {names}: reinstall vaquero-collector.")


def overlays_folder() -> Path:
    """Return the folder of the overlays: packaged, else that of the checkout.

    Raises:
        CollectorError: the installation is incomplete.
    """
    source = checkout()
    for folder in [_PACKAGE / "overlays", *([source / "overlays"] if source else [])]:
        if folder.is_dir():
            return folder
    raise CollectorError("the folder of the overlays is missing: reinstall vaquero-collector.")


def state_folder() -> Path:
    """Return the folder for records, logs and queues: `VAQUERO_COLLECTOR_DIR`, else the user's."""
    if own := os.environ.get("VAQUERO_COLLECTOR_DIR"):
        return Path(own)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = xdg_folder("XDG_STATE_HOME", ".local/state")
    return base / "vaquero" / "collector"


def queue_folder(base: Path, destination: str) -> Path:
    """Return the folder of the queue for one destination.

    Each destination has a folder of its own: what waits for one is never sent to another.
    """
    return base / hashlib.sha256(destination.encode()).hexdigest()[:12]
