"""What the installer is asked for, who it is, and what must stay as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.auto_instrumentation.environments import BASE
from vaquero.auto_instrumentation.catalog import instrumentations
from vaquero.cli.instrument import installer
from vaquero.cli.instrument.installer import (
    NoInstallerError,
    beta_of,
    find_installer,
    make_plan,
)


def test_the_plan_pins_what_belongs_to_the_conventions() -> None:
    """Everything that is here is held, and what is new is of the release of what is here."""
    flask = [row for row in instrumentations() if row.suffix == "flask"]
    plan = make_plan(flask, BASE | {"flask": "3.1.3"})
    assert plan.requirements == ("opentelemetry-instrumentation-flask==0.66b1",)
    assert "opentelemetry-sdk==1.45.1" in plan.constraints
    assert "flask==3.1.3" in plan.constraints


def test_a_broken_version_holds_nothing_up() -> None:
    """What no installer could read is not among the constraints."""
    plan = make_plan([], BASE | {"broken": "one-of-ours"})
    assert not any("broken" in one for one in plan.constraints)


def test_a_move_takes_all_of_opentelemetry_along() -> None:
    """Both numberings move together; the rest is held."""
    flask = [row for row in instrumentations() if row.suffix == "flask"]
    plan = make_plan(flask, BASE | {"flask": "3.1.3"}, stack="1.45.0")
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
    assert beta_of(release) == beta


def test_uv_where_uv_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment itself says who made it; pip is there too and is not asked."""
    monkeypatch.setattr(installer.shutil, "which", lambda name, path=None: f"/bin/{name}")
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nuv = 0.13.9\n")
    assert find_installer(str(tmp_path), "/x/python").name == "uv"
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    found = find_installer(str(tmp_path), "/x/python")
    assert (found.name, found.words[:3]) == ("pip", ("/x/python", "-m", "pip"))


def test_without_any_installer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pip nor uv: the line says what would do."""
    monkeypatch.setattr(installer.shutil, "which", lambda name, path=None: None)
    monkeypatch.setattr(installer, "find_spec", lambda name: None)
    with pytest.raises(NoInstallerError, match="ensurepip"):
        find_installer()
