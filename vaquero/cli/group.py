"""The verbs: those of this package by name, those of other packages by entry point."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, cast

import click

from vaquero.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.metadata import EntryPoint

#: Verb -> its one-line help, so that ``vaquero --help`` imports none of them. A verb is a module
#: of its name, or ``command`` in a folder of its name; in it is a click command ``command``.
VERBS = {
    "run": "Run a program with telemetry.",
    "demo": "Start an example shop, drive it, and show what it looks like.",
    "doctor": "Check that telemetry arrives, and say what is in the way.",
    "instrument": "Show and install what makes spans of libraries.",
    "config": "Show every setting with the place it came from.",
    "spool": "List, drain, clear or resend what is kept on disk.",
}

#: Verbs that another distribution brings, with the extra to install for them.
EXTRAS = {"view": "viewer", "collector": "collector"}

_GROUP = "vaquero.commands"


class Verbs(click.Group):
    """Loads a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, ours in their order, then those of other packages."""
        del ctx
        return [*VERBS, *sorted(set(_entry_points()) - set(VERBS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb; None where there is no such verb."""
        del ctx
        if cmd_name in VERBS:
            return load_verb(cmd_name)
        entry_point = _entry_points().get(cmd_name)
        return _as_command(cmd_name, entry_point.load()) if entry_point is not None else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a verb of a package that is missing says what to install."""
        if args and args[0] in EXTRAS and args[0] not in _entry_points():
            from vaquero.cli.install import install_command

            wanted = install_command(EXTRAS[args[0]])
            raise click.ClickException(f"'{args[0]}' needs a package more: {wanted}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing ours."""
        del ctx
        offered = _entry_points()
        foreign = [
            (name, _help_of(name, offered[name])) for name in sorted(set(offered) - {*VERBS})
        ]
        rows = [*VERBS.items(), *foreign]
        with formatter.section("Verbs"):
            formatter.write_dl(rows)


def load_verb(name: str) -> click.Command:
    """The command of a verb of ours, loaded now."""
    from importlib import import_module

    module = import_module(f"vaquero.cli.{name}")
    if hasattr(module, "__path__"):
        module = import_module(f"vaquero.cli.{name}.command")
    return cast("click.Command", module.command)


def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry_point.name: entry_point for entry_point in entry_points(group=_GROUP)}


def _help_of(name: str, entry_point: EntryPoint) -> str:
    try:
        return _as_command(name, entry_point.load()).get_short_help_str(70)
    except Exception as error:
        return f"cannot be loaded: {error}"[:70]


def _as_command(name: str, offered: Any) -> click.Command:
    """What another package offers: a click command, or ``main(arguments) -> exit code``."""
    if isinstance(offered, click.Command):
        return offered
    return _EntryPointVerb(name, offered)


class _EntryPointVerb(click.Command):
    """A verb that reads its own command line, with whatever parser its package has."""

    def __init__(self, name: str, main: Callable[[list[str]], int | None]) -> None:
        super().__init__(name, help=(main.__doc__ or "").strip(), add_help_option=False)
        self._main = main

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep every word for the verb itself."""
        ctx.args = list(args)
        return ctx.args

    def invoke(self, ctx: click.Context) -> Any:
        """Call the verb with its words; its result is the exit code."""
        return self._main(list(ctx.args))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vaquero")
def group() -> None:
    """See what a Python program does: spans, gauges and logs over OpenTelemetry."""


def dispatch(arguments: Sequence[str] | None = None) -> int:
    """Run the verb that the words name; what goes wrong is one line on stderr.

    Args:
        arguments: What follows the command's name; the process's own by default.

    Returns:
        The exit code.
    """
    try:
        result = group.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="vaquero",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _print_error(error.format_message(), error, error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader of our output left (``vaquero config | head``): nothing to say to anybody, and
        # the interpreter's own last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        if os.environ.get("VAQUERO_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}"
        return _print_error(f"{text} (VAQUERO_DEBUG=1 shows where)", error, 1)
    return result if isinstance(result, int) else 0


def _print_error(message: str, error: BaseException, code: int) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "vaquero"
    hint = f" See '{path} --help'." if isinstance(error, click.UsageError) else ""
    click.echo(f"{path}: {' '.join(message.split())}{hint}", err=True)
    return code
