"""Build wheels and source distributions of every package into ``dist/``.

One version for all: with ``VAQUERO_PIN`` the packages depend on each other by version instead of by
their place in the checkout, so that the wheels install after the checkout is gone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Build all; the exit code is that of the first failure."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    version = re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1]  # type: ignore[index]
    environ = {**os.environ, "VAQUERO_PIN": f"=={version}"}
    packages = sorted(path.parent for path in (ROOT / "instrumentations").glob("*/pyproject.toml"))
    for package in (ROOT, *packages, ROOT / "viewer", ROOT / "collector"):
        command = [sys.executable, "-m", "build", "--outdir", str(ROOT / "dist"), str(package)]
        code = subprocess.run(command, env=environ, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
