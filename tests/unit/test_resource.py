"""Who the process is."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import pytest

from vaquero import config, resource

if TYPE_CHECKING:
    from pathlib import Path


def _settings(environ: dict[str, str], folder: Path) -> config.Settings:
    return config.load({}, environ=environ, folder=folder)


def test_given_attributes_win_over_found_ones(tmp_path: Path) -> None:
    """What the user says of the resource is what is sent."""
    settings = _settings(
        {"OTEL_RESOURCE_ATTRIBUTES": "host.name=mine,service.instance.id=7"}, tmp_path
    )

    attributes = resource.build(settings).attributes

    assert attributes["host.name"] == "mine"
    assert attributes["service.instance.id"] == "7"
    assert resource.keeps_instance_id(settings)


def test_the_service_name_variable_wins_over_resource_attributes(tmp_path: Path) -> None:
    """OTEL_SERVICE_NAME has precedence, as the specification says."""
    settings = _settings(
        {"OTEL_RESOURCE_ATTRIBUTES": "service.name=b", "OTEL_SERVICE_NAME": "a"}, tmp_path
    )

    assert resource.build(settings).attributes["service.name"] == "a"


def test_the_distribution_names_itself(tmp_path: Path) -> None:
    """telemetry.distro.* and telemetry.sdk.* say what made the data."""
    attributes = resource.build(_settings({}, tmp_path)).attributes

    assert attributes["telemetry.distro.name"] == "vaquero"
    assert attributes["telemetry.sdk.language"] == "python"


def test_the_host_has_no_instance(tmp_path: Path) -> None:
    """The resource of host gauges survives a takeover by another process: no instance, no pid."""
    attributes = resource.build(_settings({}, tmp_path), host_only=True).attributes

    assert "service.instance.id" not in attributes
    assert not [name for name in attributes if name.startswith("process.")]
    assert attributes["host.name"]


def test_neither_arguments_nor_environment_are_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret on the command line or in a variable is nowhere in the resource."""
    monkeypatch.setattr("sys.argv", ["app.py", "--password=hunter2"])
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")

    assert "hunter2" not in str(dict(resource.build(_settings({}, tmp_path)).attributes))


@pytest.mark.parametrize(
    ("argv", "module", "expected"),
    [
        (["/srv/shop/worker.py"], None, "worker"),
        (["/usr/bin/uvicorn", "shop.web:app"], None, "shop"),
        (["/usr/bin/gunicorn", "-w", "2", "shop.wsgi:application"], None, "shop"),
        (["x/__main__.py"], "shop.jobs.__main__", "shop.jobs"),
        (["x/__main__.py", "shop:app"], "uvicorn.__main__", "shop"),
        (["-c"], None, None),
        ([""], None, None),
    ],
)
def test_the_program_names_the_service(
    argv: list[str], module: str | None, expected: str | None
) -> None:
    """Script, module or served application give the name where nobody else does."""
    main = types.SimpleNamespace(__spec__=types.SimpleNamespace(name=module) if module else None)

    assert resource._program_name(argv, main) == expected


def test_the_project_names_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the project in the folder started in wins over that of the script."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    monkeypatch.chdir(tmp_path)

    assert resource.service_name(_settings({}, tmp_path)) == "shop"


def test_a_detector_that_fails_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown detector is said once and costs nothing else."""
    settings = _settings({"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "nosuch,otel"}, tmp_path)

    attributes = resource.build(settings).attributes

    assert attributes["service.name"]
    assert "nosuch" in caplog.text
