"""The distribution as a whole: schemas, what its pages show, what importing it loads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import vaquero_conditions
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from vaquero_conditions.schemas import schema

from conditions.tests.tables import REFERENCE, blocks

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(REFERENCE.glob("*.md"))]


@pytest.mark.parametrize("name", ["finding", "alert", "report"])
def test_schemas_are_schemas(name: str) -> None:
    """Each shipped schema is valid in its draft, and has the id that the pages name."""
    found = schema(name)  # type: ignore[arg-type]

    Draft202012Validator.check_schema(found)
    assert found["$id"] == f"urn:vaquero:{name}:1"


def test_the_report_of_the_page_is_valid() -> None:
    """The example on the page is a report, and every field of the schema stands on the page."""
    if not REFERENCE.exists():
        pytest.skip("the documents are not in this copy")
    registry = Registry().with_resource(
        "urn:vaquero:finding:1", Resource.from_contents(schema("finding"))
    )
    page = REFERENCE / "report.md"
    (example,) = blocks(page, "json")
    found = schema("report")

    Draft202012Validator(found, registry=registry).validate(json.loads(example))
    text = page.read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", text))
    for part in (found, *(found["properties"][key]["items"] for key in ("services", "operations"))):
        assert set(part["required"]) - named == set()
        assert list(part["properties"]) == part["required"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path) -> None:
    """Each block of Python runs as printed."""
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), {})


def test_every_public_name_is_there() -> None:
    """Names are loaded when they are used, and the list is sorted and complete."""
    names = vaquero_conditions.__all__

    assert [name for name in names if not hasattr(vaquero_conditions, name)] == []
    assert sorted(names) == sorted(set(names))
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = vaquero_conditions.nosuch


def test_masking_loads_nothing_but_itself() -> None:
    """A program that masks statements pays for no parser, schema or other distribution."""
    probe = (
        "import sys; import vaquero_conditions.sql.mask; print(*(name for name in sys.modules "
        "if name.startswith(('vaquero', 'opentelemetry', 'json', 'decimal'))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert set(result.stdout.split()) == {
        "vaquero_conditions",
        "vaquero_conditions._version",
        "vaquero_conditions.sql",
        "vaquero_conditions.sql.mask",
    }
