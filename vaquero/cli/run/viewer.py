"""``vaquero run --view``: viewer and program together, and what arrived at the end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from vaquero.cli.install import install_command
from vaquero.cli.run import child, run_events

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from vaquero_viewer import Viewer

#: So that metrics are seen while one looks on, in milliseconds.
METRIC_INTERVAL_MS = 2000

_DRAIN_WITHIN_S = 3.0


def run_with_viewer(
    executable: str, words: Sequence[str], environ: MutableMapping[str, str], *, wait: bool
) -> int:
    """Run a program and show what it sends.

    Args:
        executable: Path of the program.
        words: Its command line.
        environ: Its environment; pointed at the viewer here.
        wait: Keep the page up after the program has ended, where there is a terminal.

    Returns:
        The program's exit code.
    """
    from vaquero_viewer.paths import default_path

    began_ns = time.time_ns()
    run = run_events.begin(words, environ)
    with open_viewer(default_path()) as viewer:
        environ["VAQUERO_RUN_LINES"] = "0:"  # The summary says more than the line at exit would.
        print_notice(f"shown at {viewer.web_url} while it runs (kept for 'vaquero view')")
        with collector_or_viewer(viewer.otlp_url) as url:
            send_only_to(url, environ)
            code = _run_and_tell(executable, words, environ, run)
            drain_spool(environ)
        if not _is_quiet():
            from vaquero.cli.run.summary import print_arrived

            print_arrived(viewer.store, began_ns)
        if wait:
            wait_for_enter(viewer.web_url)
    return code


def _run_and_tell(
    executable: str,
    words: Sequence[str],
    environ: MutableMapping[str, str],
    run: run_events.RunEvents | None,
) -> int:
    """Run the program to its end; the run's events are sent around it."""
    if run is None:
        return child.run(executable, words, environ)
    run.start()
    code = child.run(executable, words, environ)
    run.end(code)
    return code


def drain_spool(environ: Mapping[str, str]) -> None:
    """Send to the viewer what processes left in the spool because they were ended too early.

    A server's workers often end by a signal, and then no hook of Python runs.

    Args:
        environ: The program's environment: its settings name the destination.
    """
    from vaquero import config
    from vaquero.pipeline import spool
    from vaquero.sdk import pipeline_settings

    settings = config.load(environ=environ)
    if not settings["spool"]:
        return
    try:
        spool.drain(pipeline_settings.from_settings(settings), timeout_s=_DRAIN_WITHIN_S)
    except OSError as error:
        print_notice(
            f"the spool cannot be read ({error.strerror or error}): the last spans may be missing"
        )


@contextlib.contextmanager
def open_viewer(path: Path | None, *, clear: bool = False) -> Generator[Viewer, None, None]:
    """A running viewer; other ports where the usual ones are taken, memory where the store is.

    Args:
        path: The store's file.
        clear: Empty it first.

    Raises:
        click.ClickException: The viewer is not installed, or cannot be started.
    """
    module = load_viewer()
    server = import_module("vaquero_viewer.server")
    with contextlib.ExitStack() as stack:
        try:
            viewer = _start(module, path, clear, (server.OTLP_PORT, server.WEB_PORT))
        except module.ViewerError as error:
            raise click.ClickException(str(error)) from None
        stack.callback(viewer.stop)
        for notice in viewer.notices:
            print_notice(notice)
        yield viewer


@contextlib.contextmanager
def collector_or_viewer(url: str) -> Generator[str, None, None]:
    """Where a program sends so that it arrives at the viewer: a Collector if one is installed.

    With the package ``vaquero-collector`` installed one line on stderr names which of the two.

    Args:
        url: The viewer's address for OTLP.
    """
    try:
        front = import_module("vaquero_collector.front")
    except ImportError:
        yield url
        return
    with front.in_front_of(url, print_notice) as address:
        yield address


def load_viewer() -> Any:
    """The module ``vaquero_viewer``.

    Raises:
        click.ClickException: It is not installed; says what to type.
    """
    try:
        import_module("vaquero_viewer.server")
        return import_module("vaquero_viewer")
    except ImportError as error:
        raise click.ClickException(
            f"the viewer is not installed ({error.name} is missing): {install_command('viewer')}"
        ) from None


def _start(module: Any, path: Path | None, clear: bool, ports: tuple[int, int]) -> Viewer:
    """Start with these ports (OTLP, page), else with others."""
    try:
        viewer: Viewer = module.Viewer(path, otlp_port=ports[0], web_port=ports[1], clear=clear)
        return viewer.start()
    except module.PortTaken as taken:
        if taken.reason is not None or not taken.port:
            raise
        print_notice(f"{taken}; taking a free one")
        free = (
            0 if ports[0] == taken.port else ports[0],
            0 if ports[1] == taken.port else ports[1],
        )
        return _start(module, path, clear, free)
    except module.StoreLocked as locked:
        if path is None:
            raise
        print_notice(f"{locked.path} is open in {locked.holder}; this run is kept in memory only")
        return _start(module, None, False, ports)
    except module.StoreError as error:
        if path is None:
            raise
        print_notice(f"{error}; this run is kept in memory only")
        return _start(module, None, False, ports)


def send_only_to(url: str, environ: MutableMapping[str, str]) -> None:
    """Make a program send to this address and nowhere else, often enough to watch it.

    What was set for another destination is removed: above all its headers, which may hold a key.
    """
    for name in [name for name in environ if name.startswith("OTEL_EXPORTER_OTLP_")]:
        if not name.startswith("OTEL_EXPORTER_OTLP_METRICS_") or name.endswith(_OF_DESTINATION):
            del environ[name]
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
    environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    environ.setdefault("OTEL_METRIC_EXPORT_INTERVAL", str(METRIC_INTERVAL_MS))
    environ.setdefault("OTEL_BSP_SCHEDULE_DELAY", "250")


#: Of the variables for metrics, those for where and how to send (not what).
_OF_DESTINATION = (
    "_ENDPOINT",
    "_PROTOCOL",
    "_HEADERS",
    "_TIMEOUT",
    "_COMPRESSION",
    "_CERTIFICATE",
    "_CLIENT_KEY",
    "_INSECURE",
)


def wait_for_enter(url: str) -> None:
    """Keep the page up until Enter or Ctrl-C; nothing where there is no terminal."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return
    pressed: list[int] = []
    # A flag and not an exception: that could fall into code which swallows it.
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        click.echo(f"vaquero: the page stays up at {url}; Enter or Ctrl-C ends it.", err=True)
        if os.name == "nt":  # There select takes sockets only.
            sys.stdin.readline()
            return
        while not pressed and not select.select([sys.stdin], [], [], 0.2)[0]:
            pass
    finally:
        signal.signal(signal.SIGINT, before)


def print_notice(line: str) -> None:
    """One line on stderr, unless ``VAQUERO_QUIET`` is set."""
    if not _is_quiet():
        click.echo(f"vaquero: {line}", err=True)


def _is_quiet() -> bool:
    from vaquero.cli.run.environment import is_set

    return is_set(os.environ, "VAQUERO_QUIET")
