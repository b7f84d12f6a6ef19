"""What the tests of the Collector's package share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.processes import is_telemetry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep the records of a test apart from those of the user and of other tests."""
    for name in filter(is_telemetry, list(os.environ)):
        monkeypatch.delenv(name)
    folder = tmp_path / "state"
    monkeypatch.setenv("VAQUERO_COLLECTOR_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def base_config() -> dict[str, Any]:
    """The one configuration, as it is written."""
    return yaml.safe_load((ROOT / "collector-config.yaml").read_text())


@pytest.fixture
def started(binary: Path, tmp_path: Path) -> Iterator[Any]:
    """Start Collectors on free ports; each is ended with the test."""
    from vaquero_collector import Collector

    children: list[Collector] = []

    def start(name: str = "one", **options: Any) -> Collector:
        options = {"http_port": 0, "grpc_port": 0, "folder": tmp_path / name, **options}
        child = Collector(binary=binary, **options)
        children.append(child)
        child.start(60.0)
        return child

    yield start
    for child in children:
        child.stop(5.0)
