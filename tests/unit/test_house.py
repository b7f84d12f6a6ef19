"""The house keeps its own rules: sizes, names, what importing costs, what the docs say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vaquero

ROOT = Path(__file__).resolve().parents[2]

MAX_LINES = 400


def _sources() -> list[Path]:
    tracked = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    return [ROOT / name for name in tracked if (ROOT / name).exists()]


def test_no_file_is_longer_than_one_subject_needs() -> None:
    """A file of more than 400 lines has more than one subject."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _sources()
        if (lines := path.read_text("utf-8").count("\n")) > MAX_LINES
    }

    assert long == {}


def test_public_names_are_all_there_and_in_order() -> None:
    """Every public name can be had, is typed for editors, and the list is sorted."""
    text = Path(vaquero.__file__).read_text("utf-8")
    block = text[text.index("if TYPE_CHECKING:\n    from vaquero") : text.index("#: Where each")]

    for name in vaquero.__all__:
        if name != "__version__":
            assert re.search(rf"\b{name}\b", block), f"{name} is unknown to editors"
    assert list(vaquero.__all__) == sorted(vaquero.__all__)
    assert [name for name in vaquero.__all__ if not hasattr(vaquero, name)] == []
    assert set(dir(vaquero)) >= set(vaquero.__all__)


def test_an_unknown_name_is_an_ordinary_attribute_error() -> None:
    """The lazy street says what any module says of a name that it does not have."""
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = vaquero.nosuch  # type: ignore[attr-defined]


IMPORT_PROBE = """
import sys, threading
before = set(sys.modules)
import vaquero
heavy = ["opentelemetry.sdk", "opentelemetry", "psutil", "requests", "urllib3", "http.client",
         "google.protobuf", "grpc", "click", "rich", "asyncio", "multiprocessing",
         "vaquero_conditions"]
print([name for name in heavy if name in sys.modules], threading.active_count())
"""


def test_importing_does_nothing() -> None:
    """`import vaquero` loads neither the SDK nor psutil nor HTTP, and starts no thread."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_PROBE], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[] 1"


DECORATION_PROBE = """
import vaquero, threading
@vaquero.trace
def f(): pass
@vaquero.trace(agent_name="a")
class C:
    def m(self): pass
from vaquero import _runtime
print(_runtime.sdk, threading.active_count())
"""


def test_decorating_starts_nothing() -> None:
    """Decoration is not a call: no SDK, no thread."""
    result = subprocess.run(
        [sys.executable, "-c", DECORATION_PROBE], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "None 1"


def test_every_test_says_what_it_proves() -> None:
    """A test without a sentence of what it proves is half a test."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in _sources()
        if path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and node.col_offset == 0
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_versions_agree() -> None:
    """One version, wherever it stands."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")

    assert re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1] == vaquero.__version__  # type: ignore[index]
    for path in ROOT.glob("*/src/*/_version.py"):
        assert f'__version__ = "{vaquero.__version__}"' in path.read_text("utf-8"), path


def test_the_page_of_settings_is_the_table() -> None:
    """docs/settings.md is what the table says."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import settings_page
    finally:
        sys.path.pop(0)

    assert settings_page.PAGE.read_text("utf-8") == settings_page.page(), (
        "run `python scripts/settings_page.py`"
    )


REGISTRIES = re.compile(
    r"(py" r"pi|python" r"hosted|npm" r"js|deb\.deb" r"ian|proxy\.go" r"lang|crates)\.(org|io|com)"
)
MACHINE = re.compile(r"(?:^|[^A-Za-z0-9_.])/(?:work|farm|root)/")


def test_nothing_is_personal_to_a_machine() -> None:
    """No absolute path of a machine and no host of a package registry stands in a tracked file."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    found: list[str] = []
    for name in filter(None, tracked):
        path = ROOT / name
        if path == Path(__file__) or path.suffix in {".png", ".sum"} or not path.is_file():
            continue
        text = path.read_text("utf-8", errors="replace")
        found += [name for pattern in (REGISTRIES, MACHINE) if pattern.search(text)]

    assert found == []


def test_every_requirement_has_a_pin_and_a_lower_bound() -> None:
    """What packages require is pinned in constraints.txt, and no opentelemetry-* is unbounded."""
    pinned = {
        re.split(r"[=<>; ]", line)[0].lower()
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    }
    missing: list[str] = []
    unbounded: list[str] = []
    for project in [ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml"),
                    *ROOT.glob("instrumentations/*/pyproject.toml")]:  # fmt: skip
        text = project.read_text("utf-8")
        for requirement in re.findall(r'^    "([a-z0-9-]+(?:\[\w+\])?[^"]*)",?$', text, re.M):
            name = re.split(r"[\[<>=!~; {@]", requirement)[0]
            if not re.match(r"^[a-z0-9-]+(\[|[<>=; ]|$)", requirement) or name == "vaquero":
                continue
            if name.startswith("vaquero-"):
                continue
            if re.search(r"[<>=]", requirement) and name not in pinned:
                missing.append(f"{project.parent.name}: {name}")
            if name.startswith("opentelemetry-") and ">=" not in requirement:
                unbounded.append(f"{project.parent.name}: {requirement}")

    assert (missing, unbounded) == ([], [])
