"""The verb ``view`` of the command line."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from vaquero_viewer.errors import PortTaken, ViewerError
    from vaquero_viewer.server import Viewer

    _Make = Callable[[int, int], Viewer]

OTLP_PORT = 4318
WEB_PORT = 8318

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def _size(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """A size such as ``512M`` or ``2G``, in bytes."""
    found = re.fullmatch(r"(\d{1,12}(?:\.\d+)?)\s*([kmg]?)(?:i?b)?", value.strip().lower())
    if found is None:
        raise click.BadParameter(f"{value!r} is not a size: expected e.g. 512M or 2G")
    size = int(float(found.group(1)) * _UNITS[found.group(2)])
    if size < 16 * 2**20:
        raise click.BadParameter(f"{value!r} is too small: expected at least 16M")
    return size


@click.command()
@click.option(
    "--path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Database file.  [default: vaquero/viewer.duckdb in the folder for your state]",
)
@click.option("--in-memory", is_flag=True, help="Keep everything in memory, nothing on disk.")
@click.option("--clear", is_flag=True, help="Empty the store first.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help=f"Port for OTLP/HTTP; 0 takes a free one.  [default: {OTLP_PORT}, else a free one]",
)
@click.option(
    "--web-port",
    type=click.IntRange(0, 65535),
    default=None,
    help=f"Port for the page; 0 takes a free one.  [default: {WEB_PORT}, else a free one]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name that clients may call this machine by. May be repeated.",
)
@click.option(
    "--max-size",
    callback=_size,
    metavar="SIZE",
    default="512M",
    show_default=True,
    help="What the data may take; the oldest is dropped, and counted.",
)
@click.option(
    "--max-age",
    type=click.FloatRange(min=0, min_open=True),
    default=7.0,
    show_default=True,
    metavar="DAYS",
    help="How long data is kept.",
)
@click.option("--open/--no-browser", "open_page", default=False, help="Open the page in a browser.")
def view(
    path: Path | None,
    in_memory: bool,
    clear: bool,
    port: int | None,
    web_port: int | None,
    host: str,
    allowed_hosts: tuple[str, ...],
    max_size: int,
    max_age: float,
    open_page: bool,
) -> None:
    """Receive OpenTelemetry data on this machine and show it in a browser.

    Runs until Ctrl-C. What was received stays in the database file for the next time.
    """
    if in_memory and path is not None:
        raise click.UsageError("--in-memory and --path exclude each other")
    # Here, unlike in a program that embeds the viewer, the process is ours.
    os.umask(0o077)
    from vaquero_viewer.errors import ViewerError
    from vaquero_viewer.paths import default_path
    from vaquero_viewer.server import Viewer

    file = None if in_memory else (path or default_path())

    def make(otlp_port: int, page_port: int) -> Viewer:
        return Viewer(
            file,
            otlp_port=otlp_port,
            web_port=page_port,
            host=host,
            max_size_bytes=max_size,
            max_age_s=max_age * 86400,
            allowed_hosts=allowed_hosts,
            clear=clear,
        )

    # Before anything starts: Ctrl-C at any moment from here on is a request to end in order.
    with _asked_to_end() as ended:
        try:
            viewer = _start(make, port, web_port)
        except ViewerError as error:
            click.echo(f"vaquero view: {error}", err=True)
            sys.exit(1)
        try:
            _say(viewer, file, clear)
            if open_page:
                click.launch(viewer.web_url)
            # With a timeout, as Windows does not deliver Ctrl-C to a wait without one.
            while not ended.wait(1.0):
                pass
        finally:
            viewer.stop()


def _start(make: _Make, port: int | None, web_port: int | None) -> Viewer:
    """Start on the ports that were asked for; a default port that is taken gives way.

    Raises:
        ViewerError: If a port that the user named is taken, or the store cannot be opened.
    """
    from vaquero_viewer.errors import PortTaken

    otlp = OTLP_PORT if port is None else port
    page = WEB_PORT if web_port is None else web_port
    while True:
        viewer = make(otlp, page)
        try:
            return viewer.start()
        except PortTaken as error:
            if error.reason is not None:
                raise
            if error.port == otlp and port is None and otlp:
                otlp = 0
                option = "--port"
            elif error.port == page and web_port is None and page:
                page = 0
                option = "--web-port"
            else:
                option = "--port" if error.port == otlp else "--web-port"
                raise _with_advice(error, option) from None
            click.echo(
                f"vaquero view: {error}; taking a free port ({option} chooses one)", err=True
            )


def _with_advice(error: PortTaken, option: str) -> ViewerError:
    from vaquero_viewer.errors import ViewerError

    following = min(error.port + 1, 65535)
    return ViewerError(f"{error}; try {option} {following}, or {option} 0 for any free port")


def _say(viewer: Viewer, file: Path | None, cleared: bool) -> None:
    for notice in viewer.notices:
        click.echo(f"vaquero view: {notice}", err=True)
    from vaquero_viewer.web.guard import is_loopback

    if not is_loopback(viewer.host):
        click.echo(
            f"vaquero view: listening on {viewer.host}: whoever reaches this address can read "
            "and write all of it",
            err=True,
        )
    where = "in memory, gone when this ends" if file is None else str(file)
    click.echo(f"page   {viewer.web_url}")
    click.echo(
        f"OTLP   {viewer.otlp_url}  (OTEL_EXPORTER_OTLP_ENDPOINT, http/protobuf or http/json)"
    )
    click.echo(f"data   {where}{' (emptied)' if cleared else ''}")
    click.echo("Ctrl-C ends.")


@contextmanager
def _asked_to_end() -> Generator[threading.Event, None, None]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C interrupts as usual."""
    ended = threading.Event()

    def end(number: int, _frame: FrameType | None) -> None:
        ended.set()
        signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
