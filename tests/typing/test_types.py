"""Type checkers see through the decorators and know the lazy names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_types_survive_decoration() -> None:
    """Strict pyright finds in the examples what ``assert_type`` says, and the errors marked."""
    pytest.importorskip("pyright")
    checked = [str(path) for path in Path(__file__).parent.glob("*.py") if path.stem[:5] != "test_"]
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--project", str(ROOT), *checked],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=280,
    )

    assert checked
    assert done.returncode == 0, done.stdout
