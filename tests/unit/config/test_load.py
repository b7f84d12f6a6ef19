"""Settings: precedence, sources, bad values, what a project file may not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vaquero import config
from vaquero.config.judgement import Fault, Judgement
from vaquero.config.load import MASK
from vaquero.config.table import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def test_an_argument_wins_over_environment_project_and_default(tmp_path: Path) -> None:
    """The nearest place that gives a usable value decides, and is remembered."""
    (tmp_path / "pyproject.toml").write_text('[tool.vaquero]\nservice_name = "from-file"\n')
    environ = {"OTEL_SERVICE_NAME": "from-environment"}

    both = config.load({"service_name": "from-code"}, environ=environ, folder=tmp_path)
    environment = config.load({}, environ=environ, folder=tmp_path)
    project = config.load({}, environ={}, folder=tmp_path)

    assert (both["service_name"], both.source("service_name")) == ("from-code", "argument")
    assert (environment["service_name"], environment.source("service_name")) == (
        "from-environment",
        "environment",
    )
    assert (project["service_name"], project.source("service_name")) == (
        "from-file",
        "pyproject.toml",
    )


def test_a_bad_value_is_said_and_the_next_place_is_used(tmp_path: Path) -> None:
    """The line names value, source, what is valid and what is used; other settings hold."""
    settings = config.load(
        {}, environ={"OTEL_BSP_SCHEDULE_DELAY": "soon", "OTEL_SERVICE_NAME": "s"}, folder=tmp_path
    )

    assert settings["schedule_delay_ms"] == 500
    assert settings["service_name"] == "s"
    assert [str(problem) for problem in settings.problems] == [
        "OTEL_BSP_SCHEDULE_DELAY='soon' (from environment) is invalid; valid: "
        "milliseconds as a whole number, e.g. 5000; using 500 (default)."
    ]


@pytest.mark.parametrize("text", ["not a url", "http://", "ftp://a:1", "http://a:b", "http://a:0"])
def test_what_is_no_address_is_refused(text: str, tmp_path: Path) -> None:
    """Words are no endpoint: they are said, and telemetry goes where it would without them."""
    settings = config.load({}, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": text}, folder=tmp_path)

    assert settings["endpoint"] is None
    assert "valid: a URL such as http://localhost:4318" in str(settings.problems[0])


def test_what_is_used_instead_is_named_by_the_source_that_gave_it(tmp_path: Path) -> None:
    """A judge's word for what holds else is shown only where no other source has a valid value."""

    def judge(wanted: object, known: Mapping[str, object]) -> Judgement:
        del known
        if wanted == "nonsense":
            return Judgement(None, None, Fault("one of always_on, always_off", "always_on"))
        return Judgement(wanted)

    environ = {"OTEL_TRACES_SAMPLER": "nonsense"}
    alone = config.load({}, environ=environ, folder=tmp_path, judges={"sampler": judge})
    (tmp_path / "pyproject.toml").write_text('[tool.vaquero]\nsampler = "always_off"\n')
    both = config.load({}, environ=environ, folder=tmp_path, judges={"sampler": judge})

    assert [problem.using for problem in alone.problems] == ["always_on"]
    assert both["sampler"] == "always_off"
    assert [problem.using for problem in both.problems] == ["always_off (from pyproject.toml)"]


def test_otel_variables_win_over_vaquero_ones(tmp_path: Path) -> None:
    """Where both spellings are set the field's own name decides."""
    settings = config.load(
        {},
        environ={"VAQUERO_ENDPOINT": "http://b:1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"},
        folder=tmp_path,
    )

    assert settings["endpoint"] == "http://a:1"


@pytest.mark.parametrize("name", ["endpoint", "headers", "api_key", "traces_endpoint", "spool_dir"])
def test_a_project_file_cannot_say_where_telemetry_goes(name: str, tmp_path: Path) -> None:
    """A cloned repository must not redirect telemetry nor bring a key."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.vaquero]\n{name} = "http://evil:1"\n')

    settings = config.load({}, environ={}, folder=tmp_path)

    assert settings[name] is None
    assert settings.problems[0].name == name


def test_project_files_above_the_folder_are_not_read(tmp_path: Path) -> None:
    """Only the folder started in counts."""
    (tmp_path / "pyproject.toml").write_text('[tool.vaquero]\nservice_name = "above"\n')
    (tmp_path / "below").mkdir()

    assert config.load({}, environ={}, folder=tmp_path / "below")["service_name"] is None


def test_an_unknown_key_names_the_nearest_one(tmp_path: Path) -> None:
    """A mistyped setting is said, with what was probably meant."""
    (tmp_path / "pyproject.toml").write_text('[tool.vaquero]\nservice_nam = "x"\n')

    (problem,) = config.load({}, environ={}, folder=tmp_path).problems

    assert "did you mean 'service_name'?" in str(problem)


@pytest.mark.parametrize("key", ["metrics_window", "window_s"])
def test_a_key_of_the_gauges_is_known_and_its_variable_is_named(key: str, tmp_path: Path) -> None:
    """``vaquero config`` shows such a setting: no file may hold it, and no other one is meant."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.vaquero]\n{key} = 5\n")

    (problem,) = config.load({}, environ={}, folder=tmp_path).problems

    assert str(problem) == (
        f"tool.vaquero.{key}='5' (from pyproject.toml) is invalid; valid: a setting that "
        "files may have; this one is read from the environment or an argument only: "
        "VAQUERO_METRICS_WINDOW."
    )


def test_a_key_of_the_gauges_in_a_declarative_file_names_its_variable(tmp_path: Path) -> None:
    """The same where the file has settings by their names."""
    path = tmp_path / "otel.yaml"
    path.write_text("file_format: '1.0'\ndistribution: {vaquero: {metrics_window: 5}}\n")

    settings = config.load({}, environ={"OTEL_CONFIG_FILE": str(path)}, folder=tmp_path)

    (problem,) = settings.problems
    assert problem.name == "distribution.vaquero.metrics_window"
    assert problem.expected.endswith("an argument only: VAQUERO_METRICS_WINDOW")


def test_an_unreadable_project_file_loses_nothing_else(tmp_path: Path) -> None:
    """Broken TOML is one problem; the environment is still read."""
    (tmp_path / "pyproject.toml").write_text("[tool.vaquero\n")

    settings = config.load({}, environ={"OTEL_SERVICE_NAME": "s"}, folder=tmp_path)

    assert settings["service_name"] == "s"
    assert settings.problems[0].name == "pyproject.toml"


@pytest.mark.parametrize(
    "text",
    [
        "[tool.vaquero]\nservice_name = 'p'\n",
        '[ tool . "vaquero" ]\r\nservice_name = "p"\r\n',
        "[project]\nname = 'x'\n[tool]\nvaquero = {service_name = 'p'}\n",
        "tool = {vaquero = {service_name = 'p'}}\n",
        "tool.vaquero.service_name = 'p'\n",
        "['tool'.'vaquero']\n'service_name' = 'p'\n",
        "[tool]\n[tool.other]\nx = 1\n[tool.vaquero]\nservice_name = 'p'\n",
    ],
)
def test_the_table_is_found_however_it_is_written(text: str, tmp_path: Path) -> None:
    """TOML has many ways to write one key; a file is passed over only where none of them occurs."""
    (tmp_path / "pyproject.toml").write_text(text)

    assert config.load({}, environ={}, folder=tmp_path)["service_name"] == "p"


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    """Keys, headers and URL passwords are masked in rows, repr and problems."""
    settings = config.load(
        {},
        environ={
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter2",
            "VAQUERO_API_KEY": "hunter2",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:hunter2@host:4318",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "hunter2",
        },
        folder=tmp_path,
    )
    shown = [row.shown for row in settings.rows()]
    text = f"{shown} {settings!r} {settings.problems}"

    assert "hunter2" not in text
    assert MASK in text


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
@hypothesis_settings(max_examples=15, deadline=None)
@given(text=st.text(max_size=40))
def test_no_text_stops_any_setting(setting: config.Setting, text: str) -> None:
    """Whatever stands in a variable, settings load and each has a value."""
    for variable in setting.env:
        settings = config.load({}, environ={variable: text}, folder=None)
        assert setting.name in settings


@hypothesis_settings(deadline=None)
@given(value=st.one_of(st.none(), st.integers(), st.binary(), st.lists(st.integers())))
def test_no_argument_stops_any_setting(value: object) -> None:
    """Whatever object is given as an argument, settings load."""
    settings = config.load({setting.name: value for setting in SETTINGS}, environ={})

    assert len(settings) == len(SETTINGS)


def test_every_default_is_what_its_kind_would_give() -> None:
    """A default is a value that could have been set."""
    for setting in SETTINGS:
        if setting.default is not None and setting.default != ():
            assert setting.kind.parse(setting.default) == setting.default, setting.name


def test_names_and_variables_are_not_used_twice() -> None:
    """One name, one row; one variable, one row."""
    names = [setting.name for setting in SETTINGS]
    variables = [variable for setting in SETTINGS for variable in setting.env]

    assert len(names) == len(set(names))
    assert len(variables) == len(set(variables))
