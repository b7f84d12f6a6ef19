"""The table ``[tool.vaquero]`` of the project file, in the folder that was started in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaquero.config import kinds
from vaquero.errors import SettingsError

#: Takes out what may stand around the parts of a key.
_WITHOUT_QUOTES = str.maketrans("", "", " \t\r\"'")


def project_table(folder: Path | None) -> tuple[Mapping[str, Any], SettingsError | None]:
    """The table ``[tool.vaquero]``, empty where there is none, and why it cannot be read.

    Args:
        folder: Where ``pyproject.toml`` is looked for (only there, never above); the working
            directory by default.
    """
    try:
        path = (folder or Path.cwd()) / "pyproject.toml"
        if not path.is_file():
            return {}, None
        text = path.read_text("utf-8")
        if not _may_have_table(text):
            return {}, None  # Most projects: the parser need not even be loaded.
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        found: Any = tomllib.loads(text).get("tool", {}).get("vaquero", {})
    except (OSError, ValueError, AttributeError):
        return {}, SettingsError(
            "pyproject.toml", "unreadable", source="pyproject.toml", expected="a TOML file"
        )
    if not isinstance(found, dict):
        return {}, SettingsError(
            "tool.vaquero", kinds.brief(found), source="pyproject.toml", expected="a table"
        )
    return found, None  # pyright: ignore[reportUnknownVariableType]


def _may_have_table(text: str) -> bool:
    """Whether TOML can hold ``tool.vaquero``, in any of the ways to write a key."""
    bare = text.translate(_WITHOUT_QUOTES)
    return "tool.vaquero" in bare or (
        "vaquero" in bare and any(mark in f"\n{bare}" for mark in ("\n[tool]", "\ntool="))
    )
