"""``vaquero demo``: a real application, real requests, and what they look like."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from vaquero.cli.install import install_command
from vaquero.cli.run import environment
from vaquero.cli.run.viewer import (
    collector_or_viewer,
    open_viewer,
    send_only_to,
    wait_for_enter,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from vaquero.cli.run.summary import Arrived

_NEEDED = ("fastapi", "uvicorn", "httpx", "vaquero_viewer")

_READY_WITHIN_S = 30.0
_ENDS_WITHIN_S = 10.0


@click.command("demo")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=20.0,
    show_default=True,
    help="How long to send requests.",
)
@click.option("--keep", is_flag=True, help="Leave shop and page open until Enter or Ctrl-C.")
def command(seconds: float, keep: bool) -> int:
    """Start an example shop, drive it, and show what it looks like.

    The shop (FastAPI over SQLite) runs under vaquero, customers send real HTTP requests, and the
    viewer shows what arrives. The exit code is 0 only if spans and gauges were read back.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"the demo needs more packages ({', '.join(missing)}): {install_command('demo')}"
        )
    from vaquero_viewer.paths import default_path

    # The shop is in a session of its own: it must not outlive us.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    path = default_path().with_name("demo.duckdb")
    began_ns = time.time_ns()
    with ExitStack() as stack:
        viewer = stack.enter_context(open_viewer(path, clear=True))
        url = stack.enter_context(collector_or_viewer(viewer.otlp_url))
        shop = stack.enter_context(_Shop.opened(examples(), url))
        print(f"The shop is open at {shop.url}, its telemetry is shown at {viewer.web_url}")
        from vaquero.cli.demo.traffic import send_requests

        interrupted = False
        try:
            answers = send_requests(shop.url, seconds, shop.check)
        except KeyboardInterrupt:
            answers, interrupted = {}, True
        if not keep:
            shop.close()
        _wait_for_spans(viewer.store, began_ns, sum(answers.values()))
        from vaquero.cli.run.summary import print_arrived

        arrived = print_arrived(viewer.store, began_ns, stderr=False)
        code = 130 if interrupted else _print_result(arrived, answers)
        if keep:
            _stay_open(viewer.web_url)
        else:
            print(f"Look again: vaquero view --path {viewer.path or path}")
    return code


def examples() -> Path:
    """The folder of example applications: in the installed wheel, else in the checkout.

    Raises:
        click.ClickException: It is in neither.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "_examples", package.parent / "examples"):
        if (folder / "shop" / "app.py").is_file():
            return folder
    raise click.ClickException(f"the example applications are missing from {package}")


class _Shop:
    """The application, in a process of its own."""

    def __init__(self, folder: Path, otlp_url: str, output: IO[bytes]) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._output = output
        words = [sys.executable, "-m", "uvicorn", "shop.app:app", "--app-dir", str(folder)]
        words += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
        self._process = subprocess.Popen(
            words,
            env=_shop_environment(otlp_url),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us: we close the shop ourselves, and then show what came in.
            start_new_session=True,
        )

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, otlp_url: str) -> Generator[_Shop, None, None]:
        """A shop that answers; closed in the end."""
        with tempfile.TemporaryFile() as output:
            shop = cls(folder, otlp_url, output)
            try:
                shop.wait_until_open()
                yield shop
            finally:
                shop.close()

    def wait_until_open(self) -> None:
        """Wait for the first answer to a connection.

        Raises:
            click.ClickException: It ended, or does not answer within 30 s.
        """
        import socket

        deadline = time.monotonic() + _READY_WITHIN_S
        host, port = self.url.removeprefix("http://").split(":")
        while time.monotonic() < deadline:
            self.check()
            try:
                # A connection, not a request: every request is to be one that was counted.
                socket.create_connection((host, int(port)), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise click.ClickException(f"the shop did not open within 30 s: {self._last_line()}")

    def check(self) -> None:
        """Nothing, while it runs.

        Raises:
            click.ClickException: It ended by itself; says its last words.
        """
        code = self._process.poll()
        if code is not None:
            raise click.ClickException(f"the shop ended with code {code}: {self._last_line()}")

    def close(self) -> None:
        """End it as Ctrl-C would; may be called twice.

        At SIGTERM uvicorn closes in good order, and then kills itself by the same signal: nothing
        that Python runs at an exit would run, and the last spans would stay in the spool.
        """
        if self._process.poll() is not None:
            return
        if os.name == "nt":
            self._process.terminate()
        else:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_line(self) -> str:
        self._output.seek(0)
        lines = self._output.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _shop_environment(otlp_url: str) -> dict[str, str]:
    """The shop's environment: none of the user's settings, so that it is the same everywhere."""
    ours = ("OTEL_", "VAQUERO_", "FASTAPI_OTEL_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment.prepare(environ)
    send_only_to(otlp_url, environ)
    environ["OTEL_SERVICE_NAME"] = "shop"
    environ["VAQUERO_RUN_LINES"] = "0:"
    return environ


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for_spans(store: Any, since_ns: int, requests: int) -> None:
    """Wait, at most 5 s, until the spans of all requests are in the store."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline and _server_spans(store, since_ns) < requests:
        time.sleep(0.1)


def _server_spans(store: Any, since_ns: int) -> int:
    rows = store.operations(service="shop", since_ns=since_ns)
    return sum(row.count for row in rows if row.kind == "server")


def _print_result(arrived: Arrived, answers: dict[int, int]) -> int:
    served = sum(row.count for row in arrived.operations if row.kind == "server")
    by_status = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items()))
    print(f"{sum(answers.values())} requests ({by_status}), {served} server spans read back.")
    if arrived.operations and arrived.gauges:
        return 0
    what = "spans" if not arrived.operations else "gauges"
    click.echo(f"vaquero demo: no {what} arrived; 'vaquero doctor' looks for the cause.", err=True)
    return 1


def _stay_open(url: str) -> None:
    if sys.stdin and sys.stdin.isatty() and sys.stderr.isatty():
        wait_for_enter(url)
        return
    print(f"Shop and page stay open: {url} (SIGINT or SIGTERM ends)", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
