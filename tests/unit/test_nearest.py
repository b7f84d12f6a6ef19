"""The nearest known name."""

from __future__ import annotations

import subprocess
import sys

from vaquero._nearest import did_you_mean, nearest


def test_the_nearest_name_is_found_or_none() -> None:
    """A mistyped name is told from one that means something else."""
    assert nearest("servce_name", ["endpoint", "service_name"]) == "service_name"
    assert nearest("zzz", ["endpoint", "service_name"]) is None


def test_the_message_ends_with_a_question_or_a_full_stop() -> None:
    """It can be put behind any sentence."""
    assert did_you_mean("endpont", ["endpoint"]) == "; did you mean 'endpoint'?"
    assert did_you_mean("zzz", ["endpoint"]) == "."


def test_difflib_is_loaded_only_when_asked() -> None:
    """No start pays for a mistake that nobody made."""
    code = "import sys, vaquero._nearest; print('difflib' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "False"
