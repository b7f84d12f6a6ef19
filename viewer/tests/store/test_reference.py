"""The page about the store says what the store is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from vaquero_viewer import Store
from vaquero_viewer.store import migrations, schema

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "store.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documents are not in this copy")

_FIELD = re.compile(r'"?(\w+)"? ((?:MAP\(VARCHAR, VARCHAR\)|\w+)\[\])')


def _columns_of_page() -> dict[str, list[tuple[str, str]]]:
    """Each table and view of the page with its columns and types, in the order of the page."""
    found: dict[str, list[tuple[str, str]]] = {}
    table = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        heading = re.fullmatch(r"### `(\w+)`", line)
        if heading:
            table = heading[1]
            found[table] = []
        elif line.startswith("#"):
            table = ""
        row = re.match(r"\| `([\w.]+)` \| `([^`]+)` \| [^|]* \| [^|]*\|$", line)
        if table and row:
            found[table].append((row[1], row[2]))
    return found


def _columns_of_store(rows, store) -> dict[str, list[tuple[str, str]]]:
    """Likewise of the store; the fields of a nested column one by one."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows(
        store,
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = 'store' ORDER BY table_name, column_index",
    ):
        columns = found.setdefault(table, [])
        if kind.startswith("STRUCT("):
            fields = _FIELD.findall(kind.removeprefix("STRUCT("))
            columns += [(f"{column}.{field}", inner) for field, inner in fields]
        else:
            columns.append((column, kind))
    return found


def test_page_names_every_column(rows):
    """Tables, views, columns and types of the page are those of a new store, in order."""
    store = Store()
    try:
        assert _columns_of_page() == _columns_of_store(rows, store)
    finally:
        store.close()


def test_page_names_the_version():
    """The page is about this version, and its table has each version of the chain."""
    text = PAGE.read_text(encoding="utf-8")
    assert f"**version {schema.VERSION}**" in text
    versions = [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    assert versions == list(range(migrations.OLDEST, schema.VERSION + 1))


def test_code_of_the_page_runs(fresh, rows):
    """Each block of Python and SQL on the page runs, and the queries find something."""
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), {})
    queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert len(queries) == 2
    for query in queries:
        assert rows(fresh, query)
