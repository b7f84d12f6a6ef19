"""Which distribution a program gets: vaquero unless the user chose."""

from __future__ import annotations

import pytest

from vaquero.cli.run.distro_choice import UWSGI, choose

BOTH = {"OTEL_PYTHON_DISTRO": "vaquero", "OTEL_PYTHON_CONFIGURATOR": "vaquero"}


@pytest.mark.parametrize(
    ("environ", "arguments"),
    [
        ({}, ["python", "app.py"]),
        ({"OTEL_PYTHON_DISTRO": "vaquero"}, ["python", "app.py"]),
        ({"OTEL_PYTHON_CONFIGURATOR": "vaquero"}, ["python"]),
        ({}, ["--service_name", "shop", "python", "app.py", "--distro", "debian"]),
        ({}, ["--distro=vaquero", "python"]),
        ({}, ["--help"]),
        ({}, []),
    ],
)
def test_vaquero_is_chosen_where_the_user_chose_nothing_else(
    environ: dict[str, str], arguments: list[str]
) -> None:
    """Both variables name vaquero unless the user named another distribution."""
    choose(environ, arguments)
    assert environ == BOTH | UWSGI


@pytest.mark.parametrize(
    ("environ", "arguments"),
    [
        ({"OTEL_PYTHON_DISTRO": "aws_distro"}, ["python"]),
        ({"OTEL_PYTHON_CONFIGURATOR": "configurator"}, ["python"]),
        ({}, ["--distro", "distro", "python"]),
        ({}, ["--service_name=x", "--configurator=other", "python"]),
    ],
)
def test_the_choice_of_the_user_stays_whole(environ: dict[str, str], arguments: list[str]) -> None:
    """Somebody who chose another distro or configurator gets no half of vaquero."""
    before = dict(environ)
    choose(environ, arguments)
    assert environ == before
