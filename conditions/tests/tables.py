"""Tables of cases in docs/reference: what a page says is what the tests execute."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, settings

#: For properties: how long one example takes says nothing where other tests run beside it.
RELAXED = settings(deadline=None, suppress_health_check=list(HealthCheck))

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def rows(page: str, table: str) -> list[dict[str, str]]:
    r"""The rows under ``<!-- cases: TABLE -->``, cells without their code marks, by column.

    ``\n`` in a cell is a line break. Nothing where the documents are not in this copy.
    """
    if not REFERENCE.exists():
        return []
    text = (REFERENCE / page).read_text("utf-8")
    found = re.search(rf"<!-- cases: {table} -->\n\n((?:\|.*\n)+)", text)
    assert found, f"{page} has no cases {table}"
    head, _, *body = [_cells(line) for line in found[1].splitlines()]
    return [dict(zip(head, cells, strict=True)) for cells in body]


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip())[1:-1]
    return [_plain(cell.strip()) for cell in cells]


def _plain(cell: str) -> str:
    if cell.startswith("`` ") and cell.endswith(" ``"):
        cell = cell[3:-3]
    elif len(cell) > 1 and cell[0] == cell[-1] == "`":
        cell = cell[1:-1]
    return cell.replace("\\|", "|").replace("\\n", "\n")


def blocks(path: Path, language: str) -> list[str]:
    """The blocks of code of a page."""
    return re.findall(rf"```{language}\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
