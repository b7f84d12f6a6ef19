"""The folders of the user, as the XDG specification has them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from vaquero_collector import building, places

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders of other systems")


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Linux on which nobody has said anything."""
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("VAQUERO_COLLECTOR_DIR", "VAQUERO_CACHE_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("value", [None, "", "relative", "./here", "~/state"])
def test_folders_are_in_the_home(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a variable holds a relative path, which the specification says to ignore."""
    if value is not None:
        monkeypatch.setenv("XDG_STATE_HOME", value)
        monkeypatch.setenv("XDG_CACHE_HOME", value)

    assert places.state_folder() == Path.home() / ".local/state/vaquero/collector"
    assert building.cache_folder() == Path.home() / ".cache/vaquero/collector"


def test_folders_are_where_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The specification's variables, and before them our own."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert places.state_folder() == Path("/state/vaquero/collector")
    assert building.cache_folder() == Path("/cache/vaquero/collector")

    monkeypatch.setenv("VAQUERO_COLLECTOR_DIR", "/own")
    monkeypatch.setenv("VAQUERO_CACHE_DIR", "/own")
    assert places.state_folder() == Path("/own")
    assert building.cache_folder() == Path("/own/collector")
