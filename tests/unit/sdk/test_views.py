"""Views of a declarative file that the SDK cannot make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaquero import _log
from vaquero.config.load import warn_of
from vaquero.sdk import judges

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FILE = """file_format: "1.0"
meter_provider:
  views:
    - selector: {instrument_name: size}
      stream: {attribute_keys: {excluded: [route]}}
    - selector: {instrument_name: other}
      stream: {name: renamed}
"""


def test_a_view_that_cannot_be_made_is_a_problem_of_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named with its line, in the one line for the file too; the other view is made."""
    _log.reset()
    path = tmp_path / "otel.yaml"
    path.write_text(FILE)

    settings = judges.load(environ={"OTEL_CONFIG_FILE": str(path)}, folder=tmp_path)
    warn_of(settings)

    (problem,) = settings.problems
    assert (problem.name, problem.source) == ("meter_provider.views[0]", "otel.yaml, line 4")
    assert "attribute_keys.excluded is not supported" in str(problem)
    assert len(settings.made["views"]) == 1
    assert (
        "otel.yaml: some of it cannot be honoured: line 4 meter_provider.views[0]." in caplog.text
    )
