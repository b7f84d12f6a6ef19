"""Where the user's state is kept."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from vaquero import _folders

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders of other systems")


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux, whatever this is."""
    monkeypatch.setattr(sys, "platform", "linux")


def test_the_folder_is_where_the_variable_says() -> None:
    """XDG_STATE_HOME where it is an absolute path."""
    assert _folders.state({"XDG_STATE_HOME": "/state"}) == Path("/state/vaquero")


@pytest.mark.parametrize("value", ["", "relative", "./here"])
def test_a_relative_path_is_ignored(value: str, tmp_path: Path) -> None:
    """As the XDG specification says: the folder is in the home then."""
    environ = {"XDG_STATE_HOME": value, "HOME": str(tmp_path)}

    assert _folders.state(environ) == tmp_path / ".local/state/vaquero"


@pytest.mark.parametrize("home", ["/nonexistent", "relative"])
def test_without_a_home_the_folder_is_a_temporary_one_of_the_user(home: str) -> None:
    """A user of a service may have a home that is not there."""
    expected = Path(tempfile.gettempdir()) / f"vaquero-{os.getuid()}"

    assert _folders.state({"HOME": home}) == expected


def test_the_folder_of_a_mac(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There it is among those of other applications."""
    monkeypatch.setattr(sys, "platform", "darwin")

    expected = tmp_path / "Library/Application Support/vaquero"
    assert _folders.state({"HOME": str(tmp_path)}) == expected
