"""``vaquero config``: every setting, its value, and where the value came from."""

from __future__ import annotations

import json
from typing import Any

import click

from vaquero.cli.output import table


@click.group(
    "config",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--changed", is_flag=True, help="Only what is not the default.")
@click.pass_context
def command(context: click.Context, as_json: bool, changed: bool) -> int:
    """Show every setting with the place it came from.

    An argument in code wins over the environment, the environment over [tool.vaquero] in the
    pyproject.toml of this folder, and that over the default. Secrets are masked. The exit code is
    1 where a value is invalid.
    """
    if context.invoked_subcommand is not None:
        return 0
    from vaquero.sdk import judges

    settings = judges.load_all()
    rows = [row for row in settings.rows() if not changed or row.source != "default"]
    problems = [*map(str, settings.problems), *judges.unusable_destinations(settings)]
    if as_json:
        shown = {"settings": [described(row) for row in rows], "problems": problems}
        print(json.dumps(shown, indent=2))
    else:
        table(
            ("setting", "variable", "value", "source", "meaning"),
            [
                (
                    row.setting.name,
                    _variable(row),
                    row.shown,
                    row.source,
                    row.setting.help,
                )
                for row in rows
            ],
        )
        for problem in problems:
            click.echo(f"vaquero config: {problem}", err=True)
    return 1 if problems else 0


@command.command("migrate", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to stdout.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def migrate(output: str | None, force: bool) -> int:
    """Write a declarative file (OTEL_CONFIG_FILE) that says what is set now.

    Headers and keys are not written: the file refers to their variables.
    """
    import os

    from vaquero.config.migration import document
    from vaquero.sdk import judges

    settings = judges.load()
    for problem in settings.problems:
        click.echo(f"vaquero config: {problem}", err=True)
    text = document(settings, os.environ)
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        with open(output, "w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{output} exists; --force overwrites it") from None
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {output}; use it by OTEL_CONFIG_FILE={output}", err=True)
    return 0


def described(row: Any) -> dict[str, Any]:
    """A row of the table for JSON; all values as the text that may be shown."""
    return {
        "name": row.setting.name,
        "variables": list(row.setting.env),
        "value": None if row.value is None else row.shown,
        "source": row.source,
        "help": row.setting.help,
    }


def _variable(row: Any) -> str:
    """The variable that was read, else the first that would be."""
    if row.source == "environment":
        return str(row.name)
    return row.setting.env[0] if row.setting.env else ""
