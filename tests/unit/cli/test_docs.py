"""The page of the command line names every verb and every option."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from vaquero.cli.group import EXTRAS, VERBS, dispatch, load_verb

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text("utf-8")


def _commands() -> Iterator[tuple[str, click.Command]]:
    for verb in VERBS:
        command = load_verb(verb)
        yield f"vaquero {verb}", command
        if isinstance(command, click.Group):
            for name, below in command.commands.items():
                yield f"vaquero {verb} {name}", below


@pytest.mark.parametrize(("name", "command"), list(_commands()), ids=lambda value: str(value)[:30])
def test_each_verb_and_option_is_documented(name: str, command: click.Command) -> None:
    """Whoever adds a verb or an option writes a line about it."""
    assert f"`{name}" in PAGE
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"`{max(parameter.opts, key=len)}`" in PAGE, parameter.opts


@pytest.mark.parametrize("name", [name for name, _ in _commands()])
def test_each_verb_has_short_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``-h`` is help for every verb, as for the command itself."""
    assert dispatch([*name.split()[1:], "-h"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: {name}")


def test_verbs_of_other_packages_are_named_with_their_extra() -> None:
    """``view`` and ``collector`` are on the page with what to install."""
    for verb, extra in EXTRAS.items():
        assert f"`vaquero {verb}` with the extra `{extra}`" in PAGE
