"""JSON Schema (draft 2020-12) of what crosses the border between core, viewer and others."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Literal


def schema(name: Literal["finding", "alert", "report"]) -> dict[str, Any]:
    """One schema. That of reports refers to that of findings by its ``$id``."""
    return json.loads((files(__name__) / f"{name}.json").read_text("utf-8"))
