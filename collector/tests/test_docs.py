"""The page about the Collector names everything there is, and its examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from vaquero_collector import overlays
from vaquero_collector.cli import collector

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/collector.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the blocks of the page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_variable_is_on_the_page() -> None:
    """Each variable that a configuration or the package reads is in the table, and no other."""
    sources = [ROOT / "collector-config.yaml", *(ROOT / "collector").rglob("overlays/**/*.yaml")]
    read = {name for path in sources for name in re.findall(r"env:(VAQUERO_\w+)", path.read_text())}
    code = [path.read_text() for path in (ROOT / "collector/src").rglob("*.py")]
    read |= {name for text in code for name in re.findall(r'get\("(VAQUERO_\w+)"', text)}
    table = PAGE.partition("## Variables")[2].partition("## From Python")[0]
    named = set(re.findall(r"^\| (`VAQUERO.*?) \|", table, re.MULTILINE))
    documented = {name for cell in named for name in re.findall(r"VAQUERO_\w+", cell)}
    assert documented == read


def test_defaults_on_the_page_are_those_of_the_configuration() -> None:
    """The defaults of the base configuration are the ones in the table."""
    text = (ROOT / "collector-config.yaml").read_text()
    for name, default in re.findall(r"\$\{env:(VAQUERO_\w+):-([^}]*)\}", text):
        (row,) = re.findall(rf"^\| [^|]*`{name}`[^|]* \| ([^|]*) \|", PAGE, re.MULTILINE)
        assert f"`{default}`" in row, name


def test_every_overlay_and_verb_is_on_the_page() -> None:
    """Each overlay has a row, each verb an example, and each example is of a verb there is."""
    rows = set(re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE))
    assert rows == set(overlays.OVERLAYS)
    for row in overlays.OVERLAYS.values():
        line = next(line for line in PAGE.splitlines() if line.startswith(f"| `{row.name}` |"))
        assert ("(contrib image)" in line) == bool(row.contrib)
    shown = re.findall(r"vaquero collector (\w+)((?: --\w+)*)", "".join(blocks("console")))
    assert {verb for verb, _options in shown} == set(collector.commands)
    for verb, options in shown:
        known = {name for item in collector.commands[verb].params for name in item.opts}
        assert set(options.split()) <= known, verb


def test_every_link_within_the_page_leads_somewhere() -> None:
    """Each entry of the table of contents has its heading, each file that is linked exists."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (ROOT / "docs" / target).exists(), target


@pytest.mark.collector
def test_the_examples_run(binary: Path, tmp_path: Path) -> None:
    """The example in Python runs, and the example of an overlay is accepted by the Collector."""
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout
    (example,) = blocks("yaml")
    own = tmp_path / "own.yaml"
    own.write_text(example)
    assert yaml.safe_load(example)["exporters"]
    words = ["--config", str(ROOT / "collector-config.yaml"), "--config", str(own)]
    accepted = subprocess.run([str(binary), "validate", *words], capture_output=True, text=True)
    assert accepted.returncode == 0, accepted.stderr
