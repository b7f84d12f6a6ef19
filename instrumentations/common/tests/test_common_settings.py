"""Settings: where a value comes from and what a bad one does."""

from __future__ import annotations

import logging

import pytest
from vaquero_instrumentation_common import GaugeSetting, resolve
from vaquero_instrumentation_common.settings import HOST_METRICS, SETTINGS, WINDOW

LOG = logging.getLogger("vaquero.instrumentation.test")
WORDS = GaugeSetting("words", "VAQUERO_TEST_WORDS", "list", (), "Words.", choices=("red", "blue"))
FLAG = GaugeSetting("flag", "VAQUERO_TEST_FLAG", "bool", False, "A flag.")


def test_argument_before_environment_before_default() -> None:
    """Each value says where it came from."""
    env = {"VAQUERO_METRICS_WINDOW": "30", "VAQUERO_HOST_METRICS": "OFF"}
    found = resolve(SETTINGS, {"window_s": 5}, LOG, env)
    assert (found["window_s"], found.sources["window_s"]) == (5.0, "argument")
    assert (found["host_metrics"], found.sources["host_metrics"]) == ("off", "environment")
    assert found.sources["host_lock_dir"] == "default"


@pytest.mark.parametrize(
    ("setting", "raw"),
    [(WINDOW, "soon-1"), (WINDOW, "nan"), (WINDOW, "-4"), (HOST_METRICS, "perhaps"),
     (WORDS, "red,green"), (FLAG, "maybe")],
)  # fmt: skip
def test_a_bad_value_warns_once_with_all_that_helps(
    setting: GaugeSetting, raw: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names variable, value, source, what is valid and what is used instead."""
    for _ in range(3):
        found = resolve([setting], {}, LOG, {setting.env: raw})
    assert found[setting.name] == setting.default
    (record,) = caplog.records
    message = record.getMessage()
    for part in (setting.env, repr(raw), "from environment", "is invalid; valid: ", "; using "):
        assert part in message
    assert message.endswith(" (default).")


def test_an_unknown_argument_names_the_nearest(caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt keyword is told, not raised."""
    resolve(SETTINGS, {"window": 3}, LOG, {})
    assert "'window'" in caplog.text
    assert "window_s" in caplog.text


def test_lists_and_flags() -> None:
    """Lists come from commas or sequences, flags from the usual words."""
    found = resolve([WORDS, FLAG], {"words": ["Blue"]}, LOG, {"VAQUERO_TEST_FLAG": "Yes"})
    assert found["words"] == ("blue",)
    assert found["flag"] is True
