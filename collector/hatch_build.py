"""The build hook: puts the Collector's binary, its licences and its configuration in the wheel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent


def _building() -> Any:
    """Load the module that builds; the package it belongs to is not installed yet."""
    name = "_vaquero_collector_building"
    if name not in sys.modules:
        path = HERE / "src" / "vaquero_collector" / "building.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def _configuration() -> Path:
    """Return the one configuration: beside this file in an sdist, one folder above in a checkout.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    for folder in (HERE, HERE.parent):
        if (path := folder / "collector-config.yaml").is_file():
            return path
    raise FileNotFoundError(f"collector-config.yaml is neither in {HERE} nor in {HERE.parent}")


class CollectorBuildHook(BuildHookInterface[Any]):
    """Builds the binary for a wheel; a source distribution and an editable install get none."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for the package with Go only where a build is due and no Go is there."""
        building = _building()
        # The name of the hook that a front end calls is among the arguments of its helper.
        if self.target_name == "sdist" or "get_requires_for_build_editable" in sys.argv:
            return []
        if building.cached_binary(HERE).is_file():
            return []
        return [] if building.find_go() else [building.GO_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files that are not Python, and say which system the wheel is for."""
        include: dict[str, str] = build_data["force_include"]
        if self.target_name == "sdist":
            include[str(_configuration())] = "collector-config.yaml"
            return
        if version == "editable":
            return  # a checkout finds binary, configuration and overlays where they are
        building = _building()
        system = building.target()
        try:
            tag = building.wheel_tag(system)
            built = building.build(HERE, system, self._report)
        except building.BuildError as error:
            self.app.abort(f"vaquero-collector: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = tag
        package = "vaquero_collector"
        include[str(built.binary)] = f"{package}/bin/{system.binary_name}"
        include[str(built.licences)] = f"{package}/{building.LICENCES_NAME}"
        include[str(_configuration())] = f"{package}/collector-config.yaml"
        include[str(HERE / "overlays")] = f"{package}/overlays"

    def _report(self, line: str) -> None:
        self.app.display_info(line)
        # A front end that captures the output shows it at the end; the terminal has it now.
        try:
            with open("/dev/tty", "w", encoding="utf-8") as terminal:
                print(line, file=terminal)
        except OSError:
            pass
