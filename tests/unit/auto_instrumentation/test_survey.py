"""What an environment has: what fits, what is on, and why something is not."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from tests.unit.auto_instrumentation.environments import put, put_base, put_flask_instrumentation
from vaquero.auto_instrumentation.survey import Environment, InstrumentationStatus, survey
from vaquero.auto_instrumentation.switches import Switches


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An environment with OpenTelemetry and nothing else."""
    return put_base(tmp_path)


def _look(place: Path, chosen: Switches | None = None) -> dict[str, InstrumentationStatus]:
    environment = Environment(metadata.distributions(path=[str(place)]))
    return {one.row.suffix: one for one in survey(environment, chosen or Switches())}


def test_a_library_that_fits_is_missing(place: Path) -> None:
    """Flask is here, its instrumentation is not: missing, and worth a word."""
    put(place, "Flask", "3.1.3")
    flask = _look(place)["flask"]
    assert (flask.state, flask.wanted, flask.library_version) == ("missing", True, "3.1.3")
    assert flask.row.gain == "server spans"


def test_a_library_that_is_not_here_is_not_spoken_of(place: Path) -> None:
    """Neither Django nor its instrumentation is here."""
    assert "django" not in _look(place)


def test_an_installed_one_is_on(place: Path) -> None:
    """Library and instrumentation fit each other, and nothing switches it off."""
    put(place, "flask", "3.1.3")
    put_flask_instrumentation(place)
    assert (_look(place)["flask"].state, _look(place)["flask"].why) == ("on", "")


def test_the_installed_package_knows_better_than_the_table(place: Path) -> None:
    """Its own metadata says which versions it instruments."""
    put(place, "flask", "3.1.3")
    put_flask_instrumentation(place, ranges="<3")
    flask = _look(place)["flask"]
    assert flask.state == "unfit"
    assert "<3" in flask.why
    assert "3.1.3" in flask.why


@pytest.mark.parametrize(("version", "state"), [("2.0.58", "missing"), ("2.1.9", "unfit")])
def test_versions_are_compared(place: Path, version: str, state: str) -> None:
    """A library newer than any instrumentation of it is unfit, not missing."""
    put(place, "SQLAlchemy", version)
    assert _look(place)["sqlalchemy"].state == state


def test_any_of_two_libraries_will_do(place: Path) -> None:
    """psycopg2-binary is psycopg2 by another name."""
    put(place, "psycopg2-binary", "2.9.9")
    assert _look(place)["psycopg2"].library == "psycopg2-binary"


def test_all_of_two_libraries_are_needed(place: Path) -> None:
    """Pydantic alone does not make a program of Tortoise."""
    put(place, "pydantic", "2.14.3")
    assert "tortoiseorm" not in _look(place)
    put(place, "tortoise-orm", "0.25.0")
    assert _look(place)["tortoiseorm"].state == "missing"


def test_what_comes_along_is_not_missed(place: Path) -> None:
    """Requests may be there for OpenTelemetry's sake; pip notes when somebody asked for it."""
    put(place, "requests", "2.34.2", INSTALLER="uv")
    put(place, "urllib3", "2.8.0", INSTALLER="pip\n", REQUESTED="")
    found = _look(place)
    assert (found["requests"].state, found["requests"].wanted) == ("missing", False)
    assert (found["urllib3"].state, found["urllib3"].wanted) == ("missing", True)


def test_a_library_with_spans_of_its_own_needs_nothing(place: Path) -> None:
    """FastAPI with telemetry makes its spans, and those of the Starlette below it."""
    put(place, "fastapi", "0.165.0")
    put(place, "starlette", "1.10.0")
    (place / "fastapi" / "telemetry").mkdir(parents=True)
    found = _look(place)
    assert found["fastapi"].state == "not needed"
    assert not found["starlette"].wanted


def test_another_release_is_remarked(place: Path) -> None:
    """An instrumentation made for another release is on, and it is said."""
    put(place, "flask", "3.1.3")
    put_flask_instrumentation(place, version="0.66b0")
    flask = _look(place)["flask"]
    assert flask.state == "on"
    assert "0.66b0" in flask.why
    assert "0.66b1" in flask.why


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        (Switches(disabled=frozenset({"flask"})), "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"),
        (Switches(disabled=frozenset({"*"})), "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"),
        (Switches(project={"flask": False}), "[tool.vaquero.instrumentations]"),
        (Switches(project={"*": False}), "[tool.vaquero.instrumentations]"),
    ],
)
def test_a_switch_is_named(place: Path, chosen: Switches, why: str) -> None:
    """What is off says what switched it off."""
    put(place, "flask", "3.1.3")
    put_flask_instrumentation(place)
    flask = _look(place, chosen)["flask"]
    assert flask.state == "off"
    assert why in flask.why
