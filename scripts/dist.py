"""Build wheels and source distributions of every package: ``python scripts/dist.py [FOLDER]``.

One version for all: with ``VAQUERO_PIN`` the packages depend on each other by version instead of by
their place in the checkout, so that the wheels install after the checkout is gone. ``--without
NAME`` leaves a package out (the Collector takes minutes to compile).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Build all; the exit code is that of the first failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=str(ROOT / "dist"))
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--wheels", action="store_true", help="no source distributions")
    options = parser.parse_args()
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit("pyproject.toml has no version")
    environ = {**os.environ, "VAQUERO_PIN": f"=={found[1]}"}
    kind = ["--wheel"] if options.wheels else []
    packages = sorted(path.parent for path in (ROOT / "instrumentations").glob("*/pyproject.toml"))
    for package in (ROOT, ROOT / "conditions", *packages, ROOT / "viewer", ROOT / "collector"):
        if package.name in options.without:
            continue
        command = [sys.executable, "-m", "build", *kind, "--outdir", options.folder, str(package)]
        code = subprocess.run(command, env=environ, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
