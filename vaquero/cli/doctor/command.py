"""``vaquero doctor``: does telemetry arrive, and if not, what is in the way."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from vaquero.cli.doctor import checks
from vaquero.cli.doctor.other_products import find_foreign_variables
from vaquero.cli.output import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaquero.cli.doctor.checks import CheckResult
    from vaquero.config import Settings

_MARKS = {"ok": "ok", "warning": "WARN", "failed": "FAIL"}
_STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Send nothing: look at the installation only.")
def command(as_json: bool, offline: bool) -> int:
    """Check that telemetry arrives, and say what is in the way.

    Looks at installation and settings, connects to the endpoint, and sends a marked span, metric
    and log record there. The exit code is 0 where all is well (warnings allowed), else 1.
    """
    import logging

    from vaquero.sdk import judges

    # What would be logged is printed as a result.
    logging.getLogger("vaquero").addHandler(logging.NullHandler())
    settings = judges.load_all()
    results: list[CheckResult] = []

    def gather(more: Iterable[CheckResult]) -> None:
        for result in more:
            results.append(result)
            if not as_json:
                _print(result)

    if not as_json:
        _print_about(settings)
    gather(checks.installation())
    gather(checks.providers())
    gather(checks.settings(settings))
    gather(find_foreign_variables(os.environ))
    gather(checks.spooled(settings))
    if offline:
        gather(checks.destinations(settings))
    else:
        from vaquero.cli.doctor import round_trip

        gather(round_trip.check(settings))
    failed = any(result.verdict == "failed" for result in results)
    if as_json:
        print(json.dumps(_as_json(settings, results, failed), indent=2))
    else:
        print("\nNot well: see FAIL above." if failed else "\nAll is well.")
    return int(failed)


def _print_about(settings: Settings) -> None:
    table(("package", "version"), checks.versions().items())
    print()
    changed = [row for row in settings.rows() if row.source != "default"]
    if changed:
        rows = [(row.name, row.shown, row.source) for row in changed]
        table(("setting", "value", "source"), rows)
    else:
        print("All settings have their defaults ('vaquero config' lists them).")
    print()


def _print(result: CheckResult) -> None:
    mark = f"{_MARKS[result.verdict]:<4}"
    if sys.stdout.isatty():
        import os

        if not os.environ.get("NO_COLOR"):
            mark = click.style(mark, fg=_STYLES[result.verdict])
    click.echo(f"{mark}  {result.name}: {result.text}")


def _as_json(settings: Settings, results: list[CheckResult], failed: bool) -> dict[str, object]:
    from vaquero.cli.config import described

    return {
        "verdict": "failed" if failed else "ok",
        "versions": checks.versions(),
        "settings": [described(row) for row in settings.rows()],
        "findings": [checks.described(result) for result in results],
    }
