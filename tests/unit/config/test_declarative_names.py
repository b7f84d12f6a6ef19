"""Names of what is installed, in a declarative file: judged as from any other source, by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaquero import config
from vaquero.sdk import judges

if TYPE_CHECKING:
    from pathlib import Path


def _load(folder: Path, text: str) -> config.Settings:
    path = folder / "otel.yaml"
    path.write_text(f"file_format: '1.0'\n{text}\n")
    return judges.load({}, environ={"OTEL_CONFIG_FILE": str(path)}, folder=folder)


#: Where each setting that names what is installed stands in a file.
PLACES = [
    ("sampler", "tracer_provider:\n  sampler: {NAME: {argument: x}}"),
    ("id_generator", "tracer_provider:\n  id_generator: {NAME: }"),
    ("propagators", "propagator: {composite: [NAME: ]}"),
    ("resource_detectors", "resource: {detection/development: {detectors: [NAME: ]}}"),
    (
        "traces_exporter",
        "tracer_provider: {processors: [batch: {exporter: {NAME: }}]}",
    ),
    (
        "metrics_exporter",
        "meter_provider: {readers: [periodic: {exporter: {NAME: }}]}",
    ),
    (
        "logs_exporter",
        "logger_provider: {processors: [batch: {exporter: {NAME: }}]}",
    ),
]


@pytest.mark.parametrize(("name", "holder"), PLACES, ids=[name for name, _ in PLACES])
def test_the_judge_of_a_setting_judges_it_in_a_file_too(
    name: str, holder: str, tmp_path: Path
) -> None:
    """What is valid, and what holds, is in the words that a variable of the same value gets."""
    (variable,) = [row.env[0] for row in config.SETTINGS if row.name == name]

    (of_file,) = _load(tmp_path, holder.replace("NAME", "nosuch")).problems
    (of_variable,) = judges.load({}, environ={variable: "nosuch"}, folder=tmp_path).problems

    assert of_file.source.startswith("otel.yaml, line ")
    if name == "sampler":
        assert of_file.expected.startswith("one of always_off, always_on, ")
    else:
        assert of_file.expected == of_variable.expected
    # The schema's detectors are vaquero's own: they run beside those that are named.
    assert of_file.using == ("otel" if name == "resource_detectors" else of_variable.using)


def test_the_next_source_holds_for_a_sampler_that_is_not_installed(tmp_path: Path) -> None:
    """The line names what holds in truth, and the place of the name."""
    (tmp_path / "pyproject.toml").write_text("[tool.vaquero]\nsampler = 'always_off'\n")

    settings = _load(tmp_path, PLACES[0][1].replace("NAME", "nosuch"))

    (problem,) = settings.problems
    assert settings["sampler"] == "always_off"
    assert str(problem).startswith(
        "tracer_provider.sampler.nosuch='...' (from otel.yaml, line 3) is invalid; valid: one of "
    )
    assert str(problem).endswith("; using always_off (from pyproject.toml).")


def test_each_name_that_is_not_installed_has_its_line(tmp_path: Path) -> None:
    """Of several names the others hold, and one line for each says so."""
    settings = _load(
        tmp_path,
        "propagator:\n  composite:\n"
        "  - nosuch:\n  - b3:\n  - neither:\n  composite_list: nor,baggage\n",
    )

    assert settings["propagators"] == ("b3", "baggage")
    assert [(one.name, one.value, one.source, one.using) for one in settings.problems] == [
        ("propagator.composite[0]", "nosuch", "otel.yaml, line 4", "b3,baggage"),
        ("propagator.composite[2]", "neither", "otel.yaml, line 6", "b3,baggage"),
        ("propagator.composite_list", "nor", "otel.yaml, line 7", "b3,baggage"),
    ]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("resource: {detection/development: {detectors: [3]}}", "detectors[0]", "one detector"),
        ("propagator: {composite: [3]}", "composite[0]", "one propagator"),
        ("tracer_provider: {sampler: {}}", "sampler", "one sampler"),
        ("tracer_provider: {sampler: {parent_based: {root: 3}}}", "root", "one sampler"),
        ("tracer_provider: {id_generator: 3}", "id_generator", "one id generator"),
        ("tracer_provider: {processors: [3]}", "processors[0]", "batch or simple"),
    ],
)
def test_what_names_nothing_is_a_problem_of_the_file(
    text: str, name: str, expected: str, tmp_path: Path
) -> None:
    """Where the schema has one name and the file another shape, the line says so."""
    (problem,) = _load(tmp_path, text).problems

    assert problem.name.endswith(name)
    assert problem.expected == expected
    assert problem.using
