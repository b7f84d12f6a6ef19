"""What DuckDB before 2.0 looks for with each value is searched for once."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
from vaquero_viewer import Store
from vaquero_viewer.store import absent


@pytest.mark.skipif(find_spec("pandas") is not None, reason="pandas is installed")
def test_absence_is_remembered_while_a_store_is_open(monkeypatch):
    """With an old DuckDB the import of pandas fails at once, until the last store is closed."""
    monkeypatch.setattr(absent, "_searches", lambda: True)
    monkeypatch.setattr(absent, "_open", 0)
    one, other = Store(), Store()
    assert sys.modules["pandas"] is None
    with pytest.raises(ModuleNotFoundError):
        import pandas  # type: ignore[import-not-found] # noqa: F401
    one.close()
    assert "pandas" in sys.modules
    other.close()
    assert "pandas" not in sys.modules


def test_pandas_that_is_there_is_left_alone(monkeypatch):
    """Where pandas is loaded nothing is done to it, by opening or by closing."""
    monkeypatch.setattr(absent, "_searches", lambda: True)
    monkeypatch.setitem(sys.modules, "pandas", sys)
    Store().close()
    assert sys.modules["pandas"] is sys
