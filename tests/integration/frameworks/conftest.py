"""Servers and environments, once for all tests here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """Connection string of a private PostgreSQL."""
    with servers.postgres() as address:
        yield address


@pytest.fixture(scope="session")
def neighbour() -> Iterator[str]:
    """Address of a web server that is not measured."""
    with servers.neighbour() as address:
        yield address


@pytest.fixture(scope="session")
def ours(environment_with_vaquero: Path) -> Path:
    """Programs of the environment with vaquero."""
    return environment_with_vaquero / "bin"


@pytest.fixture(scope="session")
def theirs(environment_with_upstream: Path) -> Path:
    """Programs of the environment with upstream's distro."""
    return environment_with_upstream / "bin"
