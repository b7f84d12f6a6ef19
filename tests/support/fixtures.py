"""A pytest plug-in: gives tests what is downloaded or built, which no test's timeout covers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.made_once import CannotBeMade
from tests.support.prerequisites import PREREQUISITES, make

#: By name: where it is, or why it cannot be made.
_MADE = pytest.StashKey[dict[str, Path | str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Make what the selected tests ask for, before the first of them has begun."""
    made = session.config.stash.setdefault(_MADE, {})
    if session.config.option.collectonly:
        return
    asked = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for name in [name for name in PREREQUISITES if name in asked]:
        with _shown(session.config):
            try:
                made[name] = make(name)
            except CannotBeMade as error:
                made[name] = f"{PREREQUISITES[name].what} cannot be made: {error}"


@contextlib.contextmanager
def _shown(config: pytest.Config) -> Iterator[None]:
    """Let the progress through, which pytest would keep to itself."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        yield


def _path(config: pytest.Config, name: str) -> Path:
    # Not looked up again: whoever edits the checkout meanwhile is not in the way of the tests. What
    # no signature names (`request.getfixturevalue`) is not made before, but here.
    made = config.stash[_MADE].get(name) or make(name)
    if isinstance(made, str):
        pytest.skip(made)
    return made


@pytest.fixture(scope="session")
def binary(pytestconfig: pytest.Config) -> Path:
    """The real Collector."""
    return _path(pytestconfig, "binary")


@pytest.fixture(scope="session")
def environment_with_vaquero(pytestconfig: pytest.Config) -> Path:
    """Folder of a virtual environment with applications and vaquero."""
    return _path(pytestconfig, "environment_with_vaquero")


@pytest.fixture(scope="session")
def environment_with_upstream(pytestconfig: pytest.Config) -> Path:
    """Folder of a virtual environment with the same applications and upstream's distribution."""
    return _path(pytestconfig, "environment_with_upstream")


@pytest.fixture(scope="session")
def wheels(pytestconfig: pytest.Config) -> Path:
    """Folder with the wheels of all packages but the Collector."""
    return _path(pytestconfig, "wheels")


@pytest.fixture(scope="session")
def old_pip(pytestconfig: pytest.Config) -> Path:
    """Folder of a virtual environment with an old pip."""
    return _path(pytestconfig, "old_pip")
