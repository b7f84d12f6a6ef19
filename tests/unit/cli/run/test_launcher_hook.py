"""What the plain launcher imports of vaquero."""

from __future__ import annotations

import subprocess
import sys


def test_the_launcher_loads_nothing_heavy_through_us() -> None:
    """Importing the selection loads neither click nor OpenTelemetry nor rich."""
    code = (
        "import sys, vaquero.cli.run.launcher_hook\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'click', 'opentelemetry', 'rich', 'psutil', 'urllib3'}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert found.stdout.strip() == "[]"


def test_the_module_adds_no_flags_to_the_launcher() -> None:
    """No attribute begins with OTEL_: the launcher would define a flag twice and fail."""
    import vaquero.cli.run.launcher_hook as module

    assert [name for name in dir(module) if name.startswith("OTEL_")] == []
