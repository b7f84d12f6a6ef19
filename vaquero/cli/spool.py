"""``vaquero spool``: what is kept on disk until it can be sent."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from vaquero.cli.output import progress_bar, size_text, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vaquero.config import Settings
    from vaquero.pipeline.recovery import Outcome
    from vaquero.pipeline.settings import PipelineSettings
    from vaquero.pipeline.spool import Entry

_STATES = {
    "live": "a running program sends it",
    "orphaned": "its program ended; drain sends it",
    "refused": "the backend refused it; resend, once mended",
}


@click.group("spool")
def command() -> None:
    """List, drain, clear or resend what is kept on disk.

    What a backend did not acknowledge is kept in the spool, in one folder for each destination, and
    sent by the next program with the same destination. Addresses and keys are not in it.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> int:
    """Show what waits, by destination and program."""
    folder = _folder(_settings())
    entries = _inventory(folder)
    if as_json:
        print(
            json.dumps({"folder": str(folder), "entries": [_as_json(e) for e in entries]}, indent=2)
        )
        return 0
    waiting = [entry for entry in entries if entry.requests]
    if not waiting:
        print(f"Nothing waits in {folder}.")
        return 0
    table(
        ("destination", "program", "what", "requests", "size", "oldest", "state"),
        [
            (
                entry.destination[:12],
                "-" if entry.pid is None else str(entry.pid),
                _item_counts(entry.signals),
                str(entry.requests),
                size_text(entry.size_bytes),
                _age(entry.oldest_s),
                _STATES[entry.state],
            )
            for entry in waiting
        ],
        right="requests size oldest",
    )
    print(f"{size_text(sum(entry.size_bytes for entry in waiting))} in {folder}")
    return 0


@command.command("drain")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, metavar="SECONDS"
)
def drain(timeout: float) -> int:
    """Send now what ended programs left for the destinations of the present settings."""
    from vaquero.pipeline import recovery

    settings = _pipeline_settings(_settings())
    with progress_bar("Sending", counted=True) as progress:
        outcome = _or_click_error(lambda: recovery.drain(settings, progress, timeout))
    return _print_outcome(outcome, settings)


@command.command("resend")
def resend() -> int:
    """Send again what a backend refused, once the setting that it refused for is mended."""
    from vaquero.pipeline import recovery

    settings = _pipeline_settings(_settings())
    with progress_bar("Sending again", counted=True) as progress:
        outcome = _or_click_error(lambda: recovery.resend(settings, progress))
    return _print_outcome(outcome, settings)


@command.command("clear")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> int:
    """Delete what ended programs left and what was refused."""
    from vaquero.pipeline import spool

    folder = _folder(_settings())
    items = sum(
        sum(entry.signals.values()) for entry in _inventory(folder) if entry.state != "live"
    )
    if not items:
        print(f"Nothing to delete in {folder}.")
        return 0
    if not yes and sys.stdin and sys.stdin.isatty():
        click.confirm(f"Delete {items} items that were never sent?", abort=True, err=True)
    print(f"{_or_click_error(lambda: spool.clear(folder))} items deleted from {folder}.")
    return 0


def _settings() -> Settings:
    from vaquero import config

    return config.load()


def _folder(settings: Settings) -> Path:
    from vaquero.sdk import pipeline_settings

    return pipeline_settings.spool_dir(settings)


def _pipeline_settings(settings: Settings) -> PipelineSettings:
    from vaquero.sdk import pipeline_settings

    return pipeline_settings.from_settings(settings)


def _inventory(folder: Path) -> list[Entry]:
    from vaquero.pipeline import spool

    return _or_click_error(lambda: spool.inventory(folder))


def _or_click_error(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(
            f"the spool cannot be used: {where}{error.strerror or error}"
        ) from None


def _print_outcome(outcome: Outcome, settings: PipelineSettings) -> int:
    where = settings.traces.address if settings.traces is not None else "nowhere"
    print(f"{outcome.sent} items sent to {where.removesuffix('/v1/traces')}, {outcome.left} left.")
    if outcome.lost:
        click.echo(f"vaquero spool: {outcome.lost} items were refused for good.", err=True)
    if outcome.problem:
        click.echo(f"vaquero spool: {outcome.problem}", err=True)
    return int(bool(outcome.left or outcome.lost))


def _as_json(entry: Entry) -> dict[str, object]:
    return {
        "destination": entry.destination,
        "program": entry.pid,
        "state": entry.state,
        "signals": dict(entry.signals),
        "requests": entry.requests,
        "size_bytes": entry.size_bytes,
        "oldest_s": entry.oldest_s,
    }


def _item_counts(signals: Mapping[Any, int]) -> str:
    words = {"traces": "spans", "metrics": "points", "logs": "logs"}
    return ", ".join(f"{count} {words[signal]}" for signal, count in signals.items() if count)


def _age(oldest_s: float | None) -> str:
    if oldest_s is None:
        return "-"
    seconds = max(0.0, time.time() - oldest_s)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
