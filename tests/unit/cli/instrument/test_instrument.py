"""``vaquero instrument``: what fits, what is on and why not, what the installer is asked for."""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vaquero.auto_instrumentation import survey as surveying
from vaquero.auto_instrumentation import switches
from vaquero.auto_instrumentation.catalog import TABLE
from vaquero.auto_instrumentation.survey import Environment, LibraryStatus, survey
from vaquero.auto_instrumentation.switches import Switches
from vaquero.cli.group import dispatch
from vaquero.cli.instrument import command as instrument
from vaquero.cli.instrument import installer as installers

BASE = {
    "opentelemetry-api": "1.45.1",
    "opentelemetry-sdk": "1.45.1",
    "opentelemetry-semantic-conventions": "0.66b1",
    "opentelemetry-instrumentation": "0.66b1",
}


def _put(
    folder: Path, name: str, version: str, *requires: str, points: str = "", **files: str
) -> None:
    """A distribution as an installer leaves it."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    (about / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]) + "\n")
    if points:
        (about / "entry_points.txt").write_text(f"[opentelemetry_instrumentor]\n{points}\n")
    for file, text in files.items():
        (about / file).write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An environment with OpenTelemetry and nothing else."""
    for name, version in BASE.items():
        _put(tmp_path, name, version)
    return tmp_path


def _look(place: Path, chosen: Switches | None = None) -> dict[str, LibraryStatus]:
    environment = Environment(metadata.distributions(path=[str(place)]))
    return {one.row.suffix: one for one in survey(environment, chosen or Switches())}


def _flask_instrumentation(place: Path, version: str = "0.66b1", ranges: str = ">=1.0") -> None:
    _put(
        place,
        "opentelemetry-instrumentation-flask",
        version,
        f"flask{ranges}; extra == 'instruments'",
        points="flask = opentelemetry.instrumentation.flask:FlaskInstrumentor",
    )


def test_a_library_that_fits_is_missing(place: Path) -> None:
    """Flask is here, its instrumentation is not: missing, and worth a word."""
    _put(place, "Flask", "3.1.3")
    flask = _look(place)["flask"]
    assert (flask.state, flask.wanted, flask.library_version) == ("missing", True, "3.1.3")
    assert flask.row.gain == "server spans"


def test_a_library_that_is_not_here_is_not_spoken_of(place: Path) -> None:
    """Neither Django nor its instrumentation is here."""
    assert "django" not in _look(place)


def test_an_installed_one_is_on(place: Path) -> None:
    """Library and instrumentation fit each other, and nothing switches it off."""
    _put(place, "flask", "3.1.3")
    _flask_instrumentation(place)
    assert (_look(place)["flask"].state, _look(place)["flask"].why) == ("on", "")


def test_the_installed_package_knows_better_than_the_table(place: Path) -> None:
    """Its own metadata says which versions it instruments."""
    _put(place, "flask", "3.1.3")
    _flask_instrumentation(place, ranges="<3")
    flask = _look(place)["flask"]
    assert flask.state == "unfit"
    assert "<3" in flask.why
    assert "3.1.3" in flask.why


@pytest.mark.parametrize(("version", "state"), [("2.0.58", "missing"), ("2.1.9", "unfit")])
def test_versions_are_compared(place: Path, version: str, state: str) -> None:
    """A library newer than any instrumentation of it is unfit, not missing."""
    _put(place, "SQLAlchemy", version)
    assert _look(place)["sqlalchemy"].state == state


def test_any_of_two_libraries_will_do(place: Path) -> None:
    """psycopg2-binary is psycopg2 by another name."""
    _put(place, "psycopg2-binary", "2.9.9")
    assert _look(place)["psycopg2"].library == "psycopg2-binary"


def test_all_of_two_libraries_are_needed(place: Path) -> None:
    """Pydantic alone does not make a program of Tortoise."""
    _put(place, "pydantic", "2.14.3")
    assert "tortoiseorm" not in _look(place)
    _put(place, "tortoise-orm", "0.25.0")
    assert _look(place)["tortoiseorm"].state == "missing"


def test_what_comes_along_is_not_missed(place: Path) -> None:
    """Requests may be there for OpenTelemetry's sake; pip notes when somebody asked for it."""
    _put(place, "requests", "2.34.2", INSTALLER="uv")
    _put(place, "urllib3", "2.8.0", INSTALLER="pip\n", REQUESTED="")
    found = _look(place)
    assert (found["requests"].state, found["requests"].wanted) == ("missing", False)
    assert (found["urllib3"].state, found["urllib3"].wanted) == ("missing", True)


def test_a_library_with_spans_of_its_own_needs_nothing(place: Path) -> None:
    """FastAPI with telemetry makes its spans, and those of the Starlette below it."""
    _put(place, "fastapi", "0.165.0")
    _put(place, "starlette", "1.10.0")
    (place / "fastapi" / "telemetry").mkdir(parents=True)
    found = _look(place)
    assert found["fastapi"].state == "not needed"
    assert not found["starlette"].wanted


def test_another_release_is_remarked(place: Path) -> None:
    """An instrumentation made for another release is on, and it is said."""
    _put(place, "flask", "3.1.3")
    _flask_instrumentation(place, version="0.66b0")
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
    _put(place, "flask", "3.1.3")
    _flask_instrumentation(place)
    flask = _look(place, chosen)["flask"]
    assert flask.state == "off"
    assert why in flask.why


def test_the_table_is_that_of_the_installed_release() -> None:
    """Every row of upstream's own list stands in ours with the same ranges."""
    generated: Any = pytest.importorskip("opentelemetry.instrumentation.bootstrap_gen")
    version = metadata.version("opentelemetry-instrumentation")
    if not version.startswith("0.66"):
        pytest.skip("the table is that of release 0.66")
    ours = {
        (row.package, text.lower().replace("_", "-"))
        for row in TABLE
        for text in (*row.any_of, *row.all_of)
    }
    theirs = {
        (row["instrumentation"].partition("=")[0].partition(">")[0], row["library"].lower())
        for row in generated.libraries
    }
    theirs = {(package, text.replace("_", "-")) for package, text in theirs}
    # The middleware for ASGI is no instrumentor: others bring it.
    theirs.discard(("opentelemetry-instrumentation-asgi", "asgiref ~= 3.0"))
    assert theirs - ours == set()


def test_the_plan_pins_what_belongs_to_the_conventions() -> None:
    """Everything that is here is held, and what is new is of the release of what is here."""
    flask = [row for row in TABLE if row.suffix == "flask"]
    plan = installers.plan(flask, BASE | {"flask": "3.1.3"})
    assert plan.requirements == ("opentelemetry-instrumentation-flask==0.66b1",)
    assert "opentelemetry-sdk==1.45.1" in plan.constraints
    assert "flask==3.1.3" in plan.constraints


def test_a_broken_version_holds_nothing_up() -> None:
    """What no installer could read is not among the constraints."""
    plan = installers.plan([], BASE | {"broken": "one-of-ours"})
    assert not any("broken" in one for one in plan.constraints)


def test_a_move_takes_all_of_opentelemetry_along() -> None:
    """Both numberings move together; the rest is held."""
    flask = [row for row in TABLE if row.suffix == "flask"]
    plan = installers.plan(flask, BASE | {"flask": "3.1.3"}, stack="1.45.0")
    assert plan.requirements == (
        "opentelemetry-instrumentation-flask==0.66b0",
        "opentelemetry-api==1.45.0",
        "opentelemetry-instrumentation==0.66b0",
        "opentelemetry-sdk==1.45.0",
        "opentelemetry-semantic-conventions==0.66b0",
    )
    assert plan.constraints == ("flask==3.1.3",)


@pytest.mark.parametrize(("release", "beta"), [("1.38.0", "0.59b0"), ("1.45.2", "0.66b2")])
def test_the_two_numberings(release: str, beta: str) -> None:
    """As published: 1.38.0 belongs to 0.59b0, 1.45.2 to 0.66b2."""
    assert installers.beta_of(release) == beta


def test_a_stack_that_is_no_release(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with what would do."""
    assert dispatch(["instrument", "install", "redis", "--stack", "newest", "--dry-run"]) == 2
    assert "'newest'" in capsys.readouterr().err


def test_uv_where_uv_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment itself says who made it; pip is there too and is not asked."""
    monkeypatch.setattr(installers.shutil, "which", lambda name, path=None: f"/bin/{name}")
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nuv = 0.13.9\n")
    assert installers.installer(str(tmp_path), "/x/python").name == "uv"
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    found = installers.installer(str(tmp_path), "/x/python")
    assert (found.name, found.words[:3]) == ("pip", ("/x/python", "-m", "pip"))


def test_without_any_installer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pip nor uv: the line says what would do."""
    monkeypatch.setattr(installers.shutil, "which", lambda name, path=None: None)
    monkeypatch.setattr(installers, "find_spec", lambda name: None)
    with pytest.raises(installers.NoInstallerError, match="ensurepip"):
        installers.installer()


class _Installer(installers.Installer):
    """Writes down what it is asked for; some packages cannot be had."""

    absent: frozenset[str] = frozenset()
    calls: list[tuple[str, ...]]

    def install(self, what: installers.Plan, *more: str) -> Any:
        _Installer.calls.append((*more, *what.requirements))
        failed = any(one.partition("==")[0] in self.absent for one in what.requirements)
        return installers.subprocess.CompletedProcess([], int(failed), "", "no such release")


@pytest.fixture
def asked(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The verb looks at a made environment, and its installer only writes down."""
    monkeypatch.setattr(
        surveying.metadata,
        "distributions",
        lambda: metadata.Distribution.discover(path=[str(place)]),
    )
    monkeypatch.setattr(_Installer, "calls", [], raising=False)
    monkeypatch.setattr(_Installer, "absent", frozenset())
    monkeypatch.setattr(installers, "installer", lambda: _Installer("pip", ("pip",)))
    monkeypatch.chdir(place)
    return place


def test_all_is_installed_by_one_call(asked: Path) -> None:
    """Two libraries and the standard library's: one call, all pinned."""
    _put(asked, "flask", "3.1.3")
    _put(asked, "redis", "8.1.0")
    assert CliRunner().invoke(instrument.command, ["install", "--yes"]).exit_code == 0
    (call,) = _Installer.calls
    names = {one.partition("==")[0].removeprefix("opentelemetry-instrumentation-") for one in call}
    assert names == {"flask", "redis", "wsgi", "urllib", "sqlite3", "threading"}
    assert {one.partition("==")[2] for one in call} == {"0.66b1"}


def test_what_cannot_be_had_is_left_out_and_said(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is installed; the exit code says that it is not all."""
    monkeypatch.setattr(_Installer, "absent", frozenset({"opentelemetry-instrumentation-flask"}))
    _put(asked, "flask", "3.1.3")
    _put(asked, "redis", "8.1.0")
    assert dispatch(["instrument", "install", "flask", "redis", "--yes"]) == 1
    assert "left out: opentelemetry-instrumentation-flask==0.66b1" in capsys.readouterr().err
    assert ("opentelemetry-instrumentation-redis==0.66b1",) in _Installer.calls


def test_nobody_to_ask(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without --yes nothing is installed."""
    _put(asked, "redis", "8.1.0")
    result = CliRunner().invoke(instrument.command, ["install", "redis"])
    assert result.exit_code == 2
    assert "--yes" in result.output
    assert _Installer.calls == []


def test_the_dry_run_prints_the_call(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And makes none."""
    _put(asked, "redis", "8.1.0")
    assert dispatch(["instrument", "install", "redis", "--dry-run"]) == 0
    assert capsys.readouterr().out == (
        "pip -c INSTALLED opentelemetry-instrumentation-redis==0.66b1\n"
    )
    assert _Installer.calls == []


def test_requirements_for_a_file(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines for a requirements file, for environments that a tool keeps from a list."""
    _put(asked, "redis", "8.1.0")
    assert dispatch(["instrument", "install", "redis", "--requirements"]) == 0
    assert capsys.readouterr().out == "opentelemetry-instrumentation-redis==0.66b1\n"


def test_an_unfit_or_unknown_name_is_refused(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each: why it does not fit, and that there is none."""
    _put(asked, "sqlalchemy", "2.1.9")
    assert dispatch(["instrument", "install", "sqlalchemy", "--yes"]) == 1
    assert "2.1.9" in capsys.readouterr().err
    assert dispatch(["instrument", "install", "nosuch", "--yes"]) == 2
    assert "'nosuch'" in capsys.readouterr().err


def test_check_says_by_its_exit_code(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 while nothing is missing, 1 and a line for a library without its instrumentation."""
    assert dispatch(["instrument", "check"]) == 0
    _put(asked, "flask", "3.1.3")
    assert dispatch(["instrument", "check"]) == 1
    assert "opentelemetry-instrumentation-flask adds server spans" in capsys.readouterr().out
    _flask_instrumentation(asked)
    assert dispatch(["instrument", "check"]) == 0


def test_the_list(
    asked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a table with what is foreign and mistyped, and as JSON."""
    _put(asked, "flask", "3.1.3")
    _flask_instrumentation(asked)
    _put(asked, "acme-tracing", "1.0", points="acme = acme:Instrumentor")
    monkeypatch.setenv(switches.VARIABLE, "flask,redix")
    assert dispatch(["instrument", "list"]) == 0
    said = capsys.readouterr()
    (flask,) = [line for line in said.out.splitlines() if line.startswith("flask")]
    assert flask.split()[:5] == ["flask", "flask", "3.1.3", "0.66b1", "off"]
    assert "acme-tracing 1.0" in said.out
    assert "'redix'" in said.err
    assert "'redis'" in said.err
    assert dispatch(["instrument", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["flask"]["state"] == "off"
    assert rows["flask"]["library_version"] == "3.1.3"
    assert os.environ[switches.VARIABLE] == "flask,redix"
