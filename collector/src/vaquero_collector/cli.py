"""The verbs of `vaquero collector`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import psutil

from vaquero_collector import binary, explain, places, preflight, record, show, stats, watch
from vaquero_collector import overlays as overlay_table
from vaquero_collector.errors import AlreadyRunningError, CollectorError
from vaquero_collector.plan import Options, make_plan
from vaquero_collector.process import Collector
from vaquero_collector.record import Record

EXIT_NOT_RUNNING = 3  # as systemctl has it

overlay_option = click.option(
    "-o",
    "--overlay",
    "overlays",
    multiple=True,
    metavar="NAME|FILE",
    help="Merge this over the configuration; may be repeated. `config --list` names them.",
)
port_option = click.option(
    "--http-port", type=click.IntRange(1, 65535), help="Which Collector, by its port for HTTP."
)


def _fail(error: object, code: int = 1) -> NoReturn:
    click.echo(f"vaquero collector: {error}", err=True)
    sys.exit(code)


@click.group()
def collector() -> None:
    """Run the Collector that comes with vaquero, and look after it."""


@collector.command()
@overlay_option
@click.option("--http-port", type=click.IntRange(0, 65535), help="Port for OTLP/HTTP [4318].")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Port for OTLP/gRPC [4317].")
@click.option("--listen", help="Host to listen on [127.0.0.1].")
@click.option("--forward-to", metavar="URL", help="Destination [VAQUERO_OTLP_ENDPOINT].")
@click.option("-d", "--detach", is_flag=True, help="Return when it is ready; `stop` ends it.")
@click.option("--timeout", default=15.0, show_default=True, help="Seconds to wait for it.")
@click.option("--no-check", is_flag=True, help="Do not ask the destination before the start.")
def run(
    overlays: tuple[str, ...],
    http_port: int | None,
    grpc_port: int | None,
    listen: str | None,
    forward_to: str | None,
    detach: bool,
    timeout: float,
    no_check: bool,
) -> None:
    """Run the Collector until Ctrl-C, or with --detach until `stop`."""
    child = Collector(
        overlays,
        http_port=http_port,
        grpc_port=grpc_port,
        listen=listen,
        forward_to=forward_to,
        detached=detach,
    )
    try:
        if not no_check:
            _check_destination(child)
        child.start(timeout)
    except AlreadyRunningError as error:
        click.echo(f"vaquero collector: {error} Nothing was started.")
        return
    except CollectorError as error:
        _fail(error)
    click.echo(show.started(child))
    if not detach:
        sys.exit(_attend(child))


def _check_destination(child: Collector) -> None:
    plan = child.plan()
    finding = preflight.ask(plan.destination, plan.environment)
    if finding.fatal:
        raise CollectorError(f"not started, so that nothing is lost: {finding.text}")
    if not finding.ok:
        click.echo(f"vaquero collector: {finding.text}", err=True)


def _attend(child: Collector) -> int:
    """Pass on what the user has to know until the Collector ends or a signal comes."""
    asked: list[int] = []

    def ask_to_end(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), ask_to_end)
    follower = watch.LogFollower(child.plan().log)
    say = show.once_a_minute(lambda text: click.echo(f"vaquero collector: {text}", err=True))
    code = None
    while not asked and code is None:
        code = child.wait(0.25)
        for line in follower.lines():
            if text := watch.notice(line):
                say(text)
    if code is not None:
        by_stop = not (child.plan().folder / "run.json").exists()
        child.stop()
        click.echo(f"vaquero collector: ended (code {code}); log: {child.plan().log}")
        return 0 if by_stop or code == 0 else 1
    waiting = _waiting_bytes(child)
    child.stop()
    kept = f"; {show.size(waiting)} wait in {child.plan().queue}" if waiting else ""
    click.echo(f"vaquero collector: stopped{kept}.")
    return 0


def _waiting_bytes(child: Collector) -> int:
    try:
        return child.stats().waiting_bytes
    except CollectorError:
        return 0


@collector.command()
@overlay_option
@click.option("--config", "config", type=click.Path(path_type=Path), help="Check this file alone.")
def validate(overlays: tuple[str, ...], config: Path | None) -> None:
    """Say whether the Collector accepts the configuration with these overlays."""
    try:
        if config is not None:
            program = binary.require_binary()
            configs: tuple[Path, ...] = (config,)
            environment = None
        else:
            plan = make_plan(Options(overlays=overlays))
            program, configs, environment = plan.binary, plan.configs, dict(plan.environment)
    except CollectorError as error:
        _fail(error)
    words = [word for path in configs for word in ("--config", str(path))]
    answer = subprocess.run(
        [str(program), "validate", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )
    if answer.returncode != 0:
        _fail(explain.config_failure(answer.stderr, program, configs))
    click.echo(f"valid: {', '.join(str(path) for path in configs)}")


@collector.command()
@port_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(http_port: int | None, as_json: bool) -> None:
    """Show what runs, what it accepted, refused and sent, and what waits."""
    found = [(item, stats.fetch(item.health_url) is not None) for item in _records(http_port)]
    figures = [stats.parse(stats.fetch(item.metrics_url) or "") for item, _ok in found]
    if as_json:
        rows = [
            {**asdict(item), "healthy": healthy, "stats": asdict(figure)}
            for (item, healthy), figure in zip(found, figures, strict=True)
        ]
        click.echo(json.dumps(rows, indent=2))
    for (item, healthy), figure in zip(found, figures, strict=True):
        if not as_json:
            show.status(item, healthy, figure)
    if not found:
        if not as_json:
            click.echo("No Collector runs. Start one with: vaquero collector run")
        sys.exit(EXIT_NOT_RUNNING)
    sys.exit(0 if all(healthy for _item, healthy in found) else 1)


def _records(http_port: int | None) -> list[Record]:
    wanted = None if http_port is None else f":{http_port}"
    return [item for item in record.running() if wanted is None or item.http_url.endswith(wanted)]


@collector.command()
@port_option
@click.option("--all", "every", is_flag=True, help="Every Collector of this user.")
@click.option("--timeout", default=10.0, show_default=True, help="Seconds before force is used.")
def stop(http_port: int | None, every: bool, timeout: float) -> None:
    """End a Collector; what it has not sent yet stays in its queue."""
    found = _records(http_port)
    if not found:
        click.echo("No Collector runs.")
        return
    if len(found) > 1 and not every:
        ports = ", ".join(item.http_url.rpartition(":")[2] for item in found)
        _fail(f"several run: choose one with --http-port ({ports}), or give --all.")
    for item in found:
        click.echo(f"{item.http_url} (pid {item.pid}): {_end(item, timeout)}")


def _end(item: Record, timeout_s: float) -> str:
    process = item.process()
    if process is None:
        return "had ended"
    (Path(item.folder) / "run.json").unlink(missing_ok=True)
    try:
        process.terminate()
        _wait_for(lambda: item.process() is None, timeout_s)
        if item.process() is None:
            return "stopped"
        process.kill()
        _wait_for(lambda: item.process() is None, 5.0)
    except psutil.NoSuchProcess:
        return "stopped"
    return f"did not stop within {timeout_s:g} s and was ended by force"


def _wait_for(condition: Callable[[], bool], timeout_s: float) -> None:
    # Its parent is another process, so this one cannot wait for it as for a child.
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


@collector.command()
@overlay_option
@click.option("--list", "list_overlays", is_flag=True, help="Name the overlays.")
@click.option("--path", "only_path", is_flag=True, help="Only the paths of the files.")
def config(overlays: tuple[str, ...], list_overlays: bool, only_path: bool) -> None:
    """Print the configuration as the Collector merges it, with secrets masked."""
    if list_overlays:
        show.overlays(overlay_table.OVERLAYS.values())
        return
    try:
        if only_path and not overlays:
            click.echo(str(places.base_config()))
            return
        plan = make_plan(Options(overlays=overlays))
    except CollectorError as error:
        _fail(error)
    if only_path:
        click.echo("\n".join(str(path) for path in plan.configs))
        return
    answer = subprocess.run(
        [str(plan.binary), "print-config", *plan.arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=dict(plan.environment),
    )
    if answer.returncode != 0:
        _fail(explain.config_failure(answer.stderr, plan.binary, plan.configs))
    click.echo(answer.stdout, nl=False)


@collector.command()
@port_option
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
def logs(http_port: int | None, lines: int, follow: bool) -> None:
    """Print the Collector's log, of one that runs or of the last that did."""
    found = [Path(item.log) for item in _records(http_port)]
    if not found:
        pattern = "*" if http_port is None else str(http_port)
        left = places.state_folder().glob(f"{pattern}/collector.log")
        found = sorted(left, key=lambda path: path.stat().st_mtime)[-1:]
    if not found:
        _fail("there is no log: no Collector has run yet.")
    if len(found) > 1:
        _fail("several run: choose one with --http-port.")
    follower = watch.LogFollower(found[0], from_end=False)
    for line in list(follower.lines())[-lines:]:
        click.echo(line)
    try:
        while follow:
            for line in follower.lines():
                click.echo(line)
            time.sleep(0.25)
    except KeyboardInterrupt:
        pass
