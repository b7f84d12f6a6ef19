"""``vaquero instrument``: which libraries make spans here, which could, and installing those."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vaquero.auto_instrumentation import catalog, switches
from vaquero.auto_instrumentation.catalog import Instrumentation, instrumentations
from vaquero.auto_instrumentation.survey import (
    Environment,
    InstrumentationStatus,
    survey,
    unknown_instrumentors,
)
from vaquero.cli.instrument.installer import (
    SDK,
    Installer,
    InstallPlan,
    NoInstallerError,
    find_installer,
    make_plan,
    release_before,
)
from vaquero.cli.output import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SHOWN_LINES = 12


@click.group("instrument")
def command() -> None:
    """Show and install the instrumentations of the libraries that are installed here.

    An instrumentation is a package opentelemetry-instrumentation-NAME that makes a library's spans.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(as_json: bool) -> None:
    """Show each one that concerns this environment: which is on, and why one is not."""
    found, chosen = _survey()
    if as_json:
        print(json.dumps([_as_json(one) for one in found], indent=2))
        return
    others = unknown_instrumentors(Environment())
    if found or others:
        rows = [_cells(one) for one in found]
        rows += [
            [name, "", package, *_state_of_unknown(chosen, name)]
            for name, package in others.items()
        ]
        table(("name", "library", "instrumentation", "state", "adds, or why not"), rows)
    for line in _remarks(found, chosen, others):
        click.echo(line, err=True)


@command.command("check")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def check(as_json: bool) -> int:
    """Exit with 1 where a library has an instrumentation that fits and is not installed."""
    missing = [one for one in _survey()[0] if one.state == "missing" and one.wanted]
    if as_json:
        print(json.dumps([_as_json(one) for one in missing], indent=2))
    else:
        for one in missing:
            print(f"{one.library} {one.library_version}: {one.row.package} adds {one.row.gain}")
        if missing:
            click.echo("'vaquero instrument install' installs what is missing.", err=True)
    return 1 if missing else 0


@command.command("install")
@click.argument("names", nargs=-1)
@click.option(
    "--dry-run", is_flag=True, help="Print the call of the installer, and do not make it."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--requirements", is_flag=True, help="Print the pinned requirements, and no more.")
@click.option(
    "--stack",
    metavar="VERSION",
    help="Move OpenTelemetry to this release of its SDK too, e.g. 1.45.1; stays by default.",
)
def install(
    names: tuple[str, ...], dry_run: bool, yes: bool, requirements: bool, stack: str | None
) -> int:
    """Install what is missing, or the instrumentations NAMES, in one call of pip or uv.

    Nothing that is installed is changed, OpenTelemetry least of all: releases are chosen that
    belong to it.
    """
    environment = Environment()
    rows = _select(names, survey(environment, switches.read()))
    if not rows and stack is None:
        click.echo("Nothing is missing.", err=True)
        return 0
    plan = _make_plan(rows, environment, stack)
    if requirements:
        print("\n".join(plan.requirements))
        return 0
    try:
        installer = find_installer()
    except NoInstallerError as error:
        raise click.ClickException(str(error)) from None
    if dry_run:
        print(shlex.join(installer.command(plan, "INSTALLED")))
        held = f"INSTALLED stands for the {len(plan.constraints)} packages here, as they are."
        click.echo(held, err=True)
        return 0
    _confirm(plan, yes=yes)
    return _install(plan, installer, environment)


def _survey() -> tuple[list[InstrumentationStatus], switches.Switches]:
    chosen = switches.read()
    return survey(Environment(), chosen), chosen


def _cells(one: InstrumentationStatus) -> list[str]:
    library = f"{one.library} {one.library_version}".strip() or "-"
    return [one.row.suffix, library, one.version or "-", one.state, one.why or one.row.gain]


def _state_of_unknown(chosen: switches.Switches, name: str) -> tuple[str, str]:
    why = chosen.off_by(name)
    return ("off", why) if why else ("on", "not known to vaquero: loaded as it is")


def _remarks(
    found: Sequence[InstrumentationStatus], chosen: switches.Switches, others: Iterable[str]
) -> Iterable[str]:
    yield from (str(problem) for problem in chosen.problems)
    for name, near in chosen.unknown({*catalog.names(), *others, *switches.OWN_GAUGES}).items():
        hint = f"; did you mean {near!r}?" if near else ""
        yield f"{name!r} is switched, but no instrumentation known here has this name{hint}"
    missing = [one for one in found if one.state == "missing"]
    if missing:
        on = sum(one.state == "on" for one in found)
        yield f"{on} on, {len(missing)} missing: 'vaquero instrument install' adds those."


def _as_json(one: InstrumentationStatus) -> dict[str, Any]:
    row = asdict(one)
    return {"name": one.row.suffix, "package": one.row.package, "adds": one.row.gain} | {
        key: row[key] for key in ("library", "library_version", "version", "state", "why", "wanted")
    }


def _select(names: Sequence[str], found: Sequence[InstrumentationStatus]) -> list[Instrumentation]:
    if not names:
        return [one.row for one in found if one.state == "missing"]
    by_row = {one.row: one for one in found}
    rows: list[Instrumentation] = []
    for name in names:
        matching = [row for row in instrumentations() if _matches(row, name)]
        if not matching:
            raise click.UsageError(f"no instrumentation is known for {name!r}")
        for row in matching:
            here = by_row.get(row)
            if here is not None and here.state == "unfit":
                raise click.ClickException(f"{row.package} {here.why}")
            if here is None or not here.version:
                rows.append(row)
    return list(dict.fromkeys(rows))


def _matches(row: Instrumentation, name: str) -> bool:
    asked = name.lower().replace("_", "-")
    requirements = (*row.any_of, *row.all_of[:1])
    libraries = {canonicalize_name(Requirement(text).name) for text in requirements}
    names = {own.replace("_", "-") for own in row.names}
    return asked in {row.suffix, row.package, *names, *libraries}


def _make_plan(
    rows: Sequence[Instrumentation], environment: Environment, stack: str | None
) -> InstallPlan:
    try:
        return make_plan(rows, environment.versions(), stack=stack)
    except ValueError:
        raise click.BadParameter(
            f"{stack!r} is invalid; valid: a release of the SDK, e.g. 1.45.1.",
            param_hint="--stack",
        ) from None


def _confirm(plan: InstallPlan, *, yes: bool) -> None:
    click.echo("\n".join(plan.requirements), err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to be asked: give --yes, or --dry-run to look")
    click.confirm(f"Install these {len(plan.requirements)}?", abort=True, err=True)


def _install(plan: InstallPlan, installer: Installer, environment: Environment) -> int:
    # Read now: metadata is read when it is asked for, and that of before will be gone.
    before = dict(environment.versions())
    done = installer.install(plan)
    absent: list[str] = []
    if done.returncode != 0:
        absent = [one for one in plan.requirements if not installer.can_install(plan.only([one]))]
        rest = plan.only(one for one in plan.requirements if one not in absent)
        if absent and rest.requirements:
            done = installer.install(rest)
    for one in absent:
        click.echo(f"left out: {one} (no release that fits what is installed)", err=True)
    if absent:
        _suggest_earlier_release(absent, installer, environment)
    if done.returncode != 0:
        if len(absent) < len(plan.requirements):
            click.echo(_tail(done.stderr or done.stdout), err=True)
        raise click.ClickException(f"{installer.name} installed nothing")
    return _report_changes(before, left_out=len(absent))


def _suggest_earlier_release(
    absent: Sequence[str], installer: Installer, environment: Environment
) -> None:
    """Name the release before, where all that is absent has one for it."""
    here = environment.version(SDK)
    before = release_before(here)
    if before is None:
        return
    names = {one.partition("==")[0] for one in absent}
    rows = [row for row in instrumentations() if row.package in names]
    if installer.can_install(make_plan(rows, environment.versions(), stack=before)):
        click.echo(
            f"They have a release for OpenTelemetry {before}; here is {here}. To move to it: "
            f"vaquero instrument install --stack {before}",
            err=True,
        )


def _report_changes(old: Mapping[str, str], *, left_out: int) -> int:
    importlib.invalidate_caches()
    new = Environment().versions()
    added = sorted(set(new) - set(old))
    changed = [f"{name} {old[name]} -> {new[name]}" for name in old if new.get(name) != old[name]]
    click.echo(f"{len(added)} packages added, {len(changed)} changed.", err=True)
    for line in changed:
        click.echo(f"changed: {line}", err=True)
    return 1 if left_out else 0


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_SHOWN_LINES:])
