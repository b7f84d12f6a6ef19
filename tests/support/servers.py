"""Real servers that applications talk to: PostgreSQL, Redis, and a web server."""

from __future__ import annotations

import contextlib
import http.server
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import free_port, started, wait_until_open
from tests.support.programs import need

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        """Answer 200, for ``/missing`` 404."""
        self.send_response(404 if self.path.startswith("/missing") else 200)
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
    with started(words, stdout=subprocess.DEVNULL, **options) as process:
        wait_until_open(process, port)
        yield
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
