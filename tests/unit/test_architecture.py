"""docs/architecture.md shows the house as it is, and the house keeps the shape that it shows."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: Folders whose names in back-ticks are paths of the repository.
PLOT = (
    "vaquero", "conditions", "instrumentations", "viewer", "collector", "tests", "scripts",
    "benchmarks", "examples", "docs", "deploy", "dashboards", "requirements",
)  # fmt: skip

#: Folders of the distributions.
SHIPPED = ("vaquero", "conditions", "instrumentations", "viewer", "collector")

#: Paths below a user's state folder, which look like ours.
STATE = {"vaquero/spool", "vaquero/viewer.duckdb"}

#: What a folder may hold and still be read at a glance.
MAX_MODULES = 22


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).exists()]


def _sources() -> list[Path]:
    """Every module that is shipped."""
    return [
        path
        for path in _tracked("*.py")
        if path.relative_to(ROOT).parts[0] in SHIPPED and "tests" not in path.parts
    ]


def _named_paths(page: Path) -> list[tuple[str, str]]:
    """Paths in back-ticks, each with the name behind its colon: ``vaquero/record.py: Sink``."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    found: list[tuple[str, str]] = []
    for quoted, name in re.findall(r"`([^`\s]+)`(?:: `([\w.]+)`)?", text):
        path, _, inside = quoted.partition(":")
        is_ours = path.split("/")[0] in PLOT and "/" in path and path not in STATE
        if is_ours and not re.search(r"[*<>{}$=]", path):
            found.append((path, name or inside))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_on_a_page_exists(page: Path) -> None:
    """A path in back-ticks is a file or folder of the repository, and holds what is named of it."""
    missing: list[str] = []
    for path, name in _named_paths(page):
        there = ROOT / path
        if not there.exists():
            missing.append(path)
        elif name and not re.search(
            rf"^\s*(?:(?:async )?def|class) {name.rpartition('.')[2]}\b|^{name}\b",
            there.read_text("utf-8"),
            re.MULTILINE,
        ):
            missing.append(f"{path}: {name}")

    assert missing == []


def test_the_picture_of_the_floors_is_the_contract() -> None:
    """The page shows the floors of pyproject.toml, in their order."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = next(
        contract["layers"]
        for contract in contracts["contracts"]
        if contract.get("containers") == ["vaquero"]
    )
    text = PAGE.read_text("utf-8")
    picture = text[text.index("## The floors") :].split("```")[1].strip().splitlines()
    shown = [re.split(r"\s{2,}", line)[0] for line in picture]

    assert shown == layers


def test_every_module_of_the_roads_is_on_the_page() -> None:
    """Each folder of the package is named on the page, so that none is a room without a sign."""
    text = PAGE.read_text("utf-8")
    folders = {path.parent for path in _tracked("vaquero/*.py") if "autostart" not in path.parts}
    unnamed = sorted(
        str(folder.relative_to(ROOT))
        for folder in folders
        if not re.search(rf"\b{folder.name}\b", text)
    )

    assert unnamed == []


def test_no_folder_is_a_heap() -> None:
    """A folder with more than some twenty modules has more than one subject."""
    modules: dict[str, int] = defaultdict(int)
    for path in _sources():
        if path.name != "__init__.py":
            modules[str(path.parent.relative_to(ROOT))] += 1

    assert {folder: count for folder, count in modules.items() if count > MAX_MODULES} == {}


def test_one_word_names_one_class() -> None:
    """No two classes that are shipped have the same name: what a hover shows is one thing."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(str(path.relative_to(ROOT)))

    assert {name: files for name, files in places.items() if len(files) > 1} == {}
