"""The catalog: upstream's own list, and what is known here beside it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.unit.auto_instrumentation.environments import put, put_base
from vaquero.auto_instrumentation import catalog
from vaquero.auto_instrumentation.catalog import PREFIX, REMARKS, instrumentations, merged
from vaquero.auto_instrumentation.survey import Environment, survey
from vaquero.auto_instrumentation.switches import Switches

#: The release for which the remarks are complete; older ones publish less, and two that are gone.
NEWEST = "0.66"
#: In the list of the oldest release and gone from that of the newest: shown with defaults there.
GONE = {"boto", "elasticsearch"}


def _generated() -> Any:
    return importlib.import_module("opentelemetry.instrumentation.bootstrap_gen")


def _is_newest() -> bool:
    return metadata.version("opentelemetry-instrumentation").startswith(NEWEST)


def _suffix(package: str) -> str:
    return Requirement(package).name.removeprefix(PREFIX)


def test_every_row_of_upstream_is_here_with_its_ranges() -> None:
    """Each library of the installed release's list, and each package without one."""
    rows = {row.suffix: row for row in instrumentations()}
    listed = {(_suffix(one["instrumentation"]), one["library"]) for one in _generated().libraries}
    ours = {
        (row.suffix, library) for row in rows.values() for library in (*row.any_of, *row.all_of)
    }
    without = {(suffix, library) for suffix, library in listed if suffix == "asgi"}
    assert len(listed) > 40
    assert listed - without == {one for one in ours if one[0] != "google-genai"}
    for package in _generated().default_instrumentations:
        if _suffix(package) not in catalog.NO_INSTRUMENTORS:
            assert rows[_suffix(package)].standard


def test_every_remark_is_of_something_published() -> None:
    """It stands in upstream's newest list, or the remark says why not; an older one has most."""
    published = {_suffix(one["instrumentation"]) for one in _generated().libraries}
    published |= {_suffix(package) for package in _generated().default_instrumentations}
    absent = {suffix for suffix in REMARKS if suffix not in published}
    unlisted = {suffix for suffix, remark in REMARKS.items() if remark.unlisted}
    assert unlisted <= absent
    assert absent - unlisted <= (set() if _is_newest() else {"exceptions", "structlog"})
    assert published - set(REMARKS) - catalog.NO_INSTRUMENTORS <= (set() if _is_newest() else GONE)


def test_what_a_requirement_pins_follows_the_base() -> None:
    """Packages with a version of their own are not asked for at that of OpenTelemetry."""
    apart = {row.suffix for row in instrumentations() if not row.follows_base}
    assert apart == {"openai-v2", "vertexai", "google-genai"}


def test_all_libraries_or_any() -> None:
    """Tortoise needs both of its libraries; psycopg2 is one of two."""
    rows = {row.suffix: row for row in instrumentations()}
    assert len(rows["tortoiseorm"].all_of) == 2
    assert len(rows["psycopg2"].any_of) == 2


NEW = SimpleNamespace(
    libraries=[
        {"library": "acme >= 2", "instrumentation": "opentelemetry-instrumentation-acme==0.70b0"},
        {"library": "acme2", "instrumentation": "opentelemetry-instrumentation-acme==0.70b0"},
    ],
    default_instrumentations=["opentelemetry-instrumentation-turtle==0.70b0"],
)


def test_what_upstream_adds_is_shown_with_defaults() -> None:
    """Its name is its suffix, it adds spans, one of its libraries is enough; at the end."""
    acme, turtle = merged(NEW)[-2:]
    assert (acme.suffix, acme.gain, acme.names) == ("acme", "spans", ("acme",))
    assert (acme.any_of, acme.all_of) == (("acme >= 2", "acme2"), ())
    assert (acme.follows_base, acme.instead, acme.passed_over) == (True, "", False)
    assert turtle.standard


def test_a_new_one_can_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that only upstream's list knows is surveyed like any other."""
    monkeypatch.setattr("vaquero.auto_instrumentation.survey.instrumentations", lambda: merged(NEW))
    put(put_base(tmp_path), "acme", "2.4")
    environment = Environment(metadata.distributions(path=[str(tmp_path)]))
    found = {one.row.suffix: one for one in survey(environment, Switches())}
    assert (found["acme"].state, found["acme"].wanted) == ("missing", True)


@pytest.mark.parametrize(
    "upstream",
    [
        None,
        SimpleNamespace(),
        SimpleNamespace(libraries=[7, {}, {"library": "a b c", "instrumentation": "-"}]),
        SimpleNamespace(libraries=[], default_instrumentations=["flask", ">>"]),
    ],
)
def test_a_list_of_another_shape_is_passed_over(upstream: Any) -> None:
    """What this environment has is still known: only what is published is not."""
    rows = merged(upstream)
    assert [row.suffix for row in rows] == list(REMARKS)
    assert {row.suffix for row in rows if row.published} == {"aws-lambda", "google-genai"}


def test_what_is_not_published_is_not_missing(tmp_path: Path) -> None:
    """A release of OpenTelemetry without an instrumentation does not propose it; nor hides it."""
    names = {"structlog", "exceptions"}
    put(put_base(tmp_path), "structlog", "25.1.0")

    def found() -> set[str]:
        environment = Environment(metadata.distributions(path=[str(tmp_path)]))
        return {one.row.suffix for one in survey(environment, Switches())} & names

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vaquero.auto_instrumentation.survey.instrumentations", lambda: merged(NEW))
        assert found() == set()
        put(tmp_path, "opentelemetry-instrumentation-structlog", "0.66b1")
        assert found() == {"structlog"}


def test_the_list_is_read_when_it_is_asked_for() -> None:
    """Neither the start of a program nor the catalog's own import loads it."""
    code = (
        "import sys, vaquero, vaquero.distro, vaquero.auto_instrumentation.catalog as catalog\n"
        "name = 'opentelemetry.instrumentation.bootstrap_gen'\n"
        "assert name not in sys.modules\n"
        "catalog.instrumentations()\n"
        "assert name in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
