"""The real Collector, compiled for this checkout or reused from the cache of an earlier run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.made_once import ROOT, CannotBeMade

COLLECTOR = ROOT / "collector"


def path() -> Path | None:
    """Where it is; None where it is yet to be compiled."""
    from vaquero_collector import building

    binary = building.cached_binary(COLLECTOR)
    whole = binary.is_file() and (binary.parent / building.LICENCES_NAME).is_file()
    return binary if whole else None


def make() -> Path:
    """Compile it unless it is there, and tell the progress on stderr.

    Raises:
        CannotBeMade: there is no Go and none can be had, or no modules.
    """
    script = COLLECTOR / "src" / "vaquero_collector" / "building.py"
    words = [sys.executable, str(script)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise CannotBeMade(f"exit code {done.returncode} of {' '.join(words)}")
    return Path(done.stdout.strip())
