"""``vaquero run``: a program with telemetry, whatever happens to the telemetry."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from vaquero import _environ
from vaquero.cli.run import environment

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_HELP = """Run a program with telemetry: vaquero run python app.py

Every Python process of the program is instrumented: workers, reloaders and subprocesses too.
The program's exit code is the command's.

On a terminal a line at the start says where telemetry goes, and one at the exit what became of it;
VAQUERO_QUIET=1 silences both.
"""


@click.command(
    "run",
    help=_HELP,
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
)
@click.option("--view", is_flag=True, help="Show it in the viewer, started for this run.")
@click.option("--console", is_flag=True, help="Print spans as a tree to stderr.")
@click.option("--no-wait", is_flag=True, help="With --view: end with the program.")
@click.option("--endpoint", metavar="URL", help="Where to send (OTEL_EXPORTER_OTLP_ENDPOINT).")
@click.option("--service-name", metavar="NAME", help="What to call it (OTEL_SERVICE_NAME).")
@click.argument("words", metavar="CMD...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    words: tuple[str, ...],
    view: bool,
    console: bool,
    no_wait: bool,
    endpoint: str | None,
    service_name: str | None,
) -> int:
    """The verb; see the help text above."""
    executable, program = environment.resolve(words)
    # What cannot be used was taken out of our own environment: the program logs it.
    environ: MutableMapping[str, str] = {**os.environ, **_environ.taken}
    environment.prepare(environ)
    if endpoint:
        environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _checked_url(endpoint)
    if service_name:
        environ["OTEL_SERVICE_NAME"] = service_name
    if view and endpoint:
        raise click.UsageError("--view sends to the viewer: --endpoint cannot be given too")
    if console:
        _print_spans(environ, alone=not view)
    if view:
        from vaquero.cli.run.viewer import run_with_viewer

        return run_with_viewer(executable, program, environ, wait=not no_wait)
    # The console's tree says more than the two lines would.
    environment.decide_run_lines(environ, terminal=sys.stderr.isatty() and not console)
    return environment.execute(executable, program, environ)


def _checked_url(endpoint: str) -> str:
    from vaquero.config.kinds import URL

    try:
        return str(URL.parse(endpoint))
    except ValueError:
        raise click.BadParameter(
            f"{endpoint!r} is invalid; valid: {URL.expected}.", param_hint="--endpoint"
        ) from None


def _print_spans(environ: MutableMapping[str, str], *, alone: bool) -> None:
    """Print spans to stderr; without an address that somebody set, nothing is sent."""
    environ["VAQUERO_CONSOLE"] = "true"
    if (
        not alone
        or any(
            environ.get(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT")
            for signal in ("", "TRACES_", "METRICS_", "LOGS_")
        )
        or environ.get("VAQUERO_ENDPOINT")
    ):
        return
    for signal in ("TRACES", "METRICS", "LOGS"):
        environ.setdefault(f"OTEL_{signal}_EXPORTER", "none")
