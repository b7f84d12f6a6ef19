"""The page of metrics: exactly what the packages emit, and every setting."""

from __future__ import annotations

from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from vaquero_instrumentation_common import GaugeSetting, MetricRow
from vaquero_instrumentation_common.version import VERSION
from vaquero_instrumentation_container.table import container_rows
from vaquero_instrumentation_process.readers import LinuxProcess
from vaquero_instrumentation_process.settings import DETAIL as PROCESS_DETAIL
from vaquero_instrumentation_process.table import process_rows
from vaquero_instrumentation_runtime.settings import DETAIL as RUNTIME_DETAIL
from vaquero_instrumentation_runtime.table import runtime_rows
from vaquero_instrumentation_system.settings import DETAIL as SYSTEM_DETAIL
from vaquero_instrumentation_system.table import system_rows

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
PACKAGES = ("common", "system", "container", "process", "runtime")
KINDS = {
    "counter": "Counter",
    "updowncounter": "UpDownCounter",
    "gauge": "Gauge",
    "histogram": "Histogram",
}


def _cells() -> list[list[str]]:
    lines = PAGE.read_text().splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| `")
    ]


def _rows() -> list[MetricRow]:
    process = LinuxProcess()
    every = [
        *system_rows(SYSTEM_DETAIL.choices),
        *container_rows(),
        *process_rows(process, PROCESS_DETAIL.choices),
        *process_rows(process, windows=True),
        *runtime_rows(RUNTIME_DETAIL.choices),
    ]
    return list({row.name: row for row in every}.values())


def test_every_metric_and_no_other() -> None:
    """Name, kind, unit, attributes, meaning, source and word of each metric, and a cost."""
    expected = {
        row.name: [
            f"`{row.name}`",
            KINDS[row.kind],
            f"`{row.unit}`",
            ", ".join(f"`{key}`" for key in row.attributes) or "-",
            row.description,
            row.origin,
            f"`{row.detail}`" if row.detail else "always",
        ]
        for row in _rows()
    }
    listed = {cells[0].strip("`"): cells for cells in _cells() if len(cells) == 8}
    assert {name: [*cells[:6], cells[7]] for name, cells in listed.items()} == expected
    assert all(cells[6] for cells in listed.values())


def _settings() -> list[GaugeSetting]:
    found = {point.name: point for point in entry_points(group="vaquero.settings")}
    return [row for name in PACKAGES for row in found[name].load()]


def test_every_setting() -> None:
    """Each setting that a package offers by entry point stands in the page, with its help."""
    listed = {cells[0].strip("`"): cells for cells in _cells() if len(cells) == 4}
    settings = _settings()
    assert set(listed) == {setting.env for setting in settings}
    for setting in settings:
        cells = listed[setting.env]
        assert (cells[1], cells[3]) == (f"`{setting.name}`", setting.help)


def test_names_are_told_apart() -> None:
    """No two settings share a name, no two packages a metric."""
    settings = _settings()
    assert len({setting.name for setting in settings}) == len(settings)
    assert len({setting.env for setting in settings}) == len(settings)


@pytest.mark.parametrize("name", PACKAGES[1:])
def test_the_loader_finds_each_package(name: str) -> None:
    """Each instrumentor is an entry point by the name of its folder, and loads nothing odd."""
    (point,) = entry_points(group="opentelemetry_instrumentor", name=name)
    instrumentor = point.load()()
    assert list(instrumentor.instrumentation_dependencies()) == []
    assert instrumentor.package == name


@pytest.mark.parametrize("name", PACKAGES)
def test_one_version_for_all(name: str) -> None:
    """The version that scopes carry is that of every package."""
    assert version(f"vaquero-instrumentation-{name}") == VERSION
