"""The documents tell the truth: their code runs, their links lead somewhere."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [ROOT / "README.md", *sorted((ROOT / "docs" / "from").glob("*.md"))]


def _blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """Each block runs in a process of its own, warnings being errors."""
    blocks = _blocks(page)
    own = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    for number, block in enumerate(blocks):
        program = tmp_path / f"block_{number}.py"
        program.write_text(block, encoding="utf-8")
        result = subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            cwd=tmp_path,
            env={**own, "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, f"{page.name}, block {number}:\n{result.stderr}"

    assert blocks


def test_nothing_promises_what_is_not_there() -> None:
    """No page, description or help text speaks of alerts while vaquero has none.

    The contracts of what comes next say of themselves that they are that.
    """
    if find_spec("vaquero.alerts") is not None:
        return
    contracts = ("docs/reference/", "docs/decisions/")
    names = [str(page.relative_to(ROOT)) for page in PAGES]
    texts = {
        name: (ROOT / name).read_text("utf-8") for name in names if not name.startswith(contracts)
    }
    projects = {ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml")}
    for project in projects - {ROOT / "conditions" / "pyproject.toml"}:
        described = re.findall(r"^description = .*$", project.read_text("utf-8"), re.MULTILINE)
        texts[str(project.relative_to(ROOT))] = "\n".join(described)
    for source in (ROOT / "vaquero").rglob("*.py"):
        texts[str(source.relative_to(ROOT))] = source.read_text("utf-8")
    # Rules for Prometheus are there: deploy/prometheus.
    promises = {
        name: found
        for name, text in texts.items()
        if (found := re.findall(r"\balerts?\b(?! rules| import|-|[\].])", text, re.IGNORECASE))
    }
    assert promises == {}


def test_the_readme_agrees_with_what_was_measured() -> None:
    """A fifth for the caller, at most a third end to end: the medians of docs/performance.md."""
    measured = (ROOT / "docs" / "performance.md").read_text("utf-8").partition("## Peers")[0]
    rows = [[cell.strip() for cell in line.split("|")] for line in measured.splitlines()]
    ratios = {row[1]: float(row[3]) for row in rows if len(row) > 4 and row[3][:1].isdigit()}
    caller = [ratio for name, ratio in ratios.items() if re.match(r"caller: ", name)]
    whole = [ratio for name, ratio in ratios.items() if name.startswith("end to end, CPU")]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "about a fifth" in readme
    assert 0.13 < statistics.median(caller) < 0.25
    assert "at most a third" in readme
    assert whole
    assert max(whole) < 0.34


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    """A relative link names a file or folder of the repository."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)", text)
    missing = [
        link
        for link in links
        if not re.match(r"[a-z]+:", link) and not (page.parent / link).resolve().exists()
    ]

    assert missing == []


def test_no_page_tells_to_install_the_other_vaquero() -> None:
    """`vaquero` on the index is somebody else's library: no page installs it by that name."""
    wrong = [
        f"{page.name}: {line}"
        for page in PAGES
        for line in page.read_text("utf-8").splitlines()
        if re.search(r"pip install (-\S+ )*['\"]?vaquero(\[|['\"]|\s|$)", line)
    ]

    assert wrong == []
