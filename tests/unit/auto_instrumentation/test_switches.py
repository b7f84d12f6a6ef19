"""Switches of instrumentations, their defaults, and Django's that waits for its settings."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from vaquero.auto_instrumentation import catalog, django, switches
from vaquero.auto_instrumentation.switches import Switches
from vaquero.distro import VaqueroDistro

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    """Every test reads the switches itself."""
    switches.forget()
    yield
    switches.forget()


def test_what_is_named_stays_on() -> None:
    """All off but one, in the project file; the environment has the last word."""
    project = {"*": False, "flask": True}
    assert Switches(project=project).off_by("flask") is None
    assert Switches(project=project).off_by("redis")
    assert Switches(frozenset({"flask"}), project).off_by("flask")


def test_switches_are_read(tmp_path: Path) -> None:
    """From the environment with blanks, and from the table of the project file."""
    text = '[tool.vaquero.instrumentations]\nredis = false\nflask = "on"\ncelery = "perhaps"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    read = switches.read({switches.VARIABLE: " httpx , ,urllib3"}, tmp_path)
    assert read.disabled == {"httpx", "urllib3"}
    assert read.project == {"redis": False, "flask": True}
    (problem,) = read.problems
    assert "tool.vaquero.instrumentations.celery" in str(problem)
    assert "perhaps" in str(problem)
    assert "true or false" in str(problem)


def test_something_else_in_place_of_the_table(tmp_path: Path) -> None:
    """A list is said to be none, and switches nothing."""
    (tmp_path / "pyproject.toml").write_text('[tool.vaquero]\ninstrumentations = ["redis"]\n')
    read = switches.read({}, tmp_path)
    assert read.off_by("redis") is None
    assert "a table of names" in str(read.problems[0])


def test_a_name_that_nothing_has_is_remarked() -> None:
    """With the one that was probably meant."""
    assert Switches(frozenset({"reddis"})).unknown(catalog.names()) == {"reddis": "redis"}


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, "http,database"), ("", "http,database"), ("http/dup", "http/dup"), ("none", "none")],
)
def test_conventions_are_the_current_ones_unless_chosen(before: str | None, after: str) -> None:
    """A value of the user stays as it is; an empty one is none."""
    environ = {} if before is None else {switches.CONVENTIONS: before}
    switches.prefer_current_conventions(environ)
    assert environ == {switches.CONVENTIONS: after}


class _Point:
    """An entry point of the group opentelemetry_instrumentor."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value = f"opentelemetry.instrumentation.{name}:Instrumentor"
        self.loaded = 0

    def load(self) -> type:
        outer = self

        class Instrumentor:
            def instrument(self, **kwargs: object) -> None:
                outer.loaded += 1

        return Instrumentor


def test_the_distro_asks_the_switches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the project file switches off is not loaded; what is unclear stays on, with one line."""
    monkeypatch.chdir(tmp_path)
    text = '[tool.vaquero.instrumentations]\nredis = false\ncelery = "perhaps"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    points = [_Point("redis"), _Point("celery"), _Point("flask")]
    for point in points:
        VaqueroDistro().load_instrumentor(point)  # type: ignore[arg-type]
    assert [point.loaded for point in points] == [0, 1, 1]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "perhaps" in caplog.text


@pytest.fixture
def conf(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module such as django.conf, imported already, whose settings nobody named yet."""

    class LazySettings:
        configured = False

        def _setup(self) -> None:
            self.configured = True

        def configure(self) -> None:
            self.configured = True

    module = ModuleType("django.conf")
    module.LazySettings, module.settings = LazySettings, LazySettings()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django", SimpleNamespace(conf=module))
    monkeypatch.setitem(sys.modules, "django.conf", module)
    return module


@pytest.mark.parametrize("function", ["_setup", "configure"])
def test_django_waits_until_its_settings_are_named(
    conf: ModuleType, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before the application named them, and once, however often it does."""
    point = _Point("django")
    VaqueroDistro().load_instrumentor(point)  # type: ignore[arg-type]
    assert point.loaded == 0
    getattr(conf.settings, function)()
    getattr(conf.settings, function)()
    assert point.loaded == 1


def test_django_does_not_wait_for_settings_that_are_named(conf: ModuleType) -> None:
    """By the variable, as upstream asks for, or by the application before us."""
    assert not django.must_wait("django", {django.VARIABLE: "shop.settings"})
    conf.settings.configure()
    point = _Point("django")
    VaqueroDistro().load_instrumentor(point)  # type: ignore[arg-type]
    assert point.loaded == 1


def test_gauges_have_switches_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment and the project file leave out what they name, of ours as of others'."""
    from vaquero.sdk import gauges

    started: list[str] = []
    monkeypatch.setattr(gauges, "_start_one", lambda name, *rest: started.append(name))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.vaquero.instrumentations]\nsystem = false\n", "utf-8"
    )
    monkeypatch.setenv(switches.VARIABLE, "process")
    gauges.start(None, None, "")  # type: ignore[arg-type]
    assert started == ["container", "runtime"]
