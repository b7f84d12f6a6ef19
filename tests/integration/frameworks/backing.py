"""Real servers that the applications talk to: PostgreSQL, Redis, and a web server."""

from __future__ import annotations

import contextlib
import http.server
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.programs import need

if TYPE_CHECKING:
    from collections.abc import Iterator


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_open(port: int, process: subprocess.Popen[Any], timeout_s: float = 40.0) -> None:
    """Wait until a server takes connections; fails where it ends instead."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"{process.args} ended with {process.returncode}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} did not open its port")


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A private PostgreSQL; gives its connection string."""
    initdb = need("initdb")
    server = need("postgres")
    with _folder("pg") as (folder, options):
        data = folder / "data"
        subprocess.run(
            [initdb, "-D", data, "-U", "shop", "-A", "trust", "--no-sync", "-E", "UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            **options,
        )
        port = free_port()
        words = [server, "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port), "-F"]
        with _running([str(word) for word in words], port, options):
            yield f"postgresql://shop@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def redis() -> Iterator[int]:
    """A private Redis that keeps nothing; gives its port."""
    server = need("redis-server")
    with _folder("redis") as (folder, options):
        port = free_port()
        words = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        with _running([*words, str(folder)], port, options):
            yield port


@contextlib.contextmanager
def neighbour() -> Iterator[str]:
    """A web server that is not measured; gives its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Neighbour) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Neighbour(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer that there is nothing to say."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@contextlib.contextmanager
def _folder(name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder of the user that servers run as: PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix=f"vaquero-{name}-"))
    user = "nobody" if os.getuid() == 0 else None
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    try:
        yield folder, {"user": user, "cwd": folder, "stderr": subprocess.DEVNULL}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(words: list[str], port: int, options: dict[str, Any]) -> Iterator[None]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, **options)
    try:
        wait_until_open(port, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
