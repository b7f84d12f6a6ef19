"""What the documents say is true: their code runs, and nothing is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Option
from vaquero_viewer import Store
from vaquero_viewer.command import view
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.server import Viewer

VIEWER = Path(__file__).parents[1]
PAGE = VIEWER.parent / "docs" / "viewer.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documents are not in this copy")


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("path", [PAGE, VIEWER / "README.md"], ids=["page", "readme"])
def test_python_runs(path, capsys):
    """Each block of Python runs as printed."""
    blocks = _blocks(path, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, str(path), "exec"), {})
    assert "http://127.0.0.1:" in capsys.readouterr().out


def test_sql_runs(make):
    """The query for DuckDB's own tools fits the tables."""
    store = Store()
    try:
        spans = make.spans({"name": "GET", "ms": 10, "attributes": {"http.route": "/x"}})
        store.submit(read_spans(spans, 1_800_000_000 * 10**9)).result(20)
        (query,) = _blocks(PAGE, "sql")
        cursor = store._database.connection.cursor().execute("USE store")
        assert cursor.execute(query).fetchall() == [("GET", "/x", 10.0)]
    finally:
        store.close()


def test_every_option_and_path_is_described(viewer):
    """Each option of `view` and each path of both ports stands on the page."""
    text = PAGE.read_text(encoding="utf-8")
    names = {name for option in view.params if isinstance(option, Option)
             for name in (*option.opts, *option.secondary_opts)}  # fmt: skip
    assert {name for name in names if f"`{name}" not in text} == set()
    paths = {route.path for server in _apps(viewer) for route in server.routes}
    paths = {
        path.replace("{trace_id}", "{id}") for path in paths if path.startswith(("/api", "/v1"))
    }
    assert len(paths) > 10
    assert {path for path in paths if f"{path}`" not in text} == set()


def _apps(viewer: Viewer):
    return [server.config.app._app for server in viewer._servers]
