"""The viewer in this process: store, receiver and page, on threads of their own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from vaquero_viewer._version import __version__
from vaquero_viewer.errors import PortTaken, ViewerError
from vaquero_viewer.holders import port_holder
from vaquero_viewer.store import DEFAULT_MAX_AGE_S, DEFAULT_MAX_SIZE_BYTES, Store
from vaquero_viewer.web.api import Api
from vaquero_viewer.web.guard import Guard
from vaquero_viewer.web.receiver import Receiver

OTLP_PORT = 4318
WEB_PORT = 8318
PRODUCT = "vaquero-viewer"
VERSION_HEADER = "x-vaquero-viewer"

_START_WITHIN_S = 10.0
_STOP_WITHIN_S = 10.0
_BACKLOG = 2048

_COMMON_HEADERS = {
    VERSION_HEADER: __version__,
    "x-content-type-options": "nosniff",
}
_PAGE_HEADERS = _COMMON_HEADERS | {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


class Viewer:
    """Receives OTLP/HTTP, keeps it, and shows it on one page.

    Making one opens nothing; :meth:`start` does, and :meth:`stop` must follow. It is a context
    manager too::

        with Viewer(otlp_port=0, web_port=0) as viewer:
            print(viewer.otlp_url, viewer.web_url)

    Args:
        path: The database file; ``None`` keeps everything in memory.
        otlp_port: Port for OTLP/HTTP; 0 takes a free one.
        web_port: Port for the page and its API; 0 takes a free one.
        host: Address to listen on. Whoever can reach it can read and write everything.
        max_size_bytes: What the data may take; the oldest is dropped, and counted.
        max_age_s: How long a record is kept, in seconds.
        allowed_hosts: Names beside loopback's that clients may call this machine by.
        clear: Empty the store first.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        otlp_port: int = OTLP_PORT,
        web_port: int = WEB_PORT,
        host: str = "127.0.0.1",
        max_size_bytes: int = DEFAULT_MAX_SIZE_BYTES,
        max_age_s: float = DEFAULT_MAX_AGE_S,
        allowed_hosts: Sequence[str] = (),
        clear: bool = False,
    ) -> None:
        self.path = None if path is None else Path(path)
        self.host = host
        self._ports = (otlp_port, web_port)
        self._max_size_bytes = max_size_bytes
        self._max_age_s = max_age_s
        self._allowed_hosts = tuple(allowed_hosts)
        self._clear = clear
        self._store: Store | None = None
        self._receiver: Receiver | None = None
        self._sockets: list[socket.socket] = []
        self._servers: list[uvicorn.Server] = []
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._started_ns = 0

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            ViewerError: Before :meth:`start` and after :meth:`stop`.
        """
        if self._store is None:
            raise ViewerError("the viewer is not running")
        return self._store

    @property
    def otlp_port(self) -> int:
        """The port that receives OTLP; the true one once started."""
        return self._port(0)

    @property
    def web_port(self) -> int:
        """The port of the page; the true one once started."""
        return self._port(1)

    @property
    def otlp_url(self) -> str:
        """Base URL to send OTLP/HTTP to (what ``OTEL_EXPORTER_OTLP_ENDPOINT`` takes)."""
        return f"http://{_reachable(self.host)}:{self.otlp_port}"

    @property
    def web_url(self) -> str:
        """Address of the page."""
        return f"http://{_reachable(self.host)}:{self.web_port}"

    @property
    def notices(self) -> list[str]:
        """Lines for the person who started the viewer; empty when all is as usual."""
        return [] if self._store is None else self._store.notices

    def start(self) -> Viewer:
        """Bind the ports, open the store and serve; returns itself.

        Raises:
            PortTaken: If a port is in use; nothing is left open then.
            StoreLocked: If another process has the database open.
            StoreError: If the database cannot be used.
        """
        if self._thread is not None:
            raise ViewerError("the viewer is running already")
        try:
            # Ports first: a viewer that cannot listen must not touch the store.
            for port in self._ports:
                self._sockets.append(_bind(self.host, port))
            self._store = Store(
                self.path,
                max_size_bytes=self._max_size_bytes,
                max_age_s=self._max_age_s,
                clear=self._clear,
            )
            self._serve(self._store)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Finish the requests at work, write what is queued, close all. May be called twice."""
        for server in self._servers:
            server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_WITHIN_S)
        for listener in self._sockets:
            listener.close()
        store, self._store = self._store, None
        if store is not None:
            store.close()
        self._thread, self._sockets, self._servers = None, [], []
        self._ready.clear()

    def __enter__(self) -> Viewer:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _port(self, index: int) -> int:
        if index < len(self._sockets):
            return int(self._sockets[index].getsockname()[1])
        return self._ports[index]

    def _serve(self, store: Store) -> None:
        self._started_ns = time.time_ns()
        self._receiver = Receiver(store, self._health)
        api = Api(store, self._health, self._stats)
        self._servers = [
            self._server(self._receiver.app(), _COMMON_HEADERS),
            self._server(api.app(), _PAGE_HEADERS),
        ]
        self._thread = threading.Thread(target=self._run, name="vaquero-viewer", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_WITHIN_S) or self._failure is not None:
            raise ViewerError(f"the viewer did not start: {self._failure or 'it took too long'}")

    def _server(self, app: ASGIApp, headers: dict[str, str]) -> uvicorn.Server:
        names = (*self._allowed_hosts, self.host)
        guarded = Guard(app, bound_host=self.host, allowed_hosts=names, headers=headers)
        config = uvicorn.Config(
            guarded,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            limit_concurrency=512,
        )
        return uvicorn.Server(config)

    def _run(self) -> None:
        try:
            asyncio.run(self._run_servers())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = error
        finally:
            self._ready.set()

    async def _run_servers(self) -> None:
        pairs = zip(self._servers, self._sockets, strict=True)
        tasks = [asyncio.create_task(server.serve(sockets=[bound])) for server, bound in pairs]
        while not all(server.started for server in self._servers):
            if any(task.done() for task in tasks):
                break
            await asyncio.sleep(0.005)
        self._ready.set()
        await asyncio.gather(*tasks)

    def _health(self) -> dict[str, Any]:
        store = self._store
        failure = store.failure if store is not None else "stopping"
        return {
            "status": "ok" if failure is None else "failing",
            "failure": failure,
            "product": PRODUCT,
            "version": __version__,
            "pid": os.getpid(),
            "otlp_url": self.otlp_url,
            "web_url": self.web_url,
        }

    def _stats(self) -> dict[str, Any]:
        receiver = self._receiver
        return {
            "now_ns": time.time_ns(),
            "started_ns": self._started_ns,
            "otlp_url": self.otlp_url,
            "path": None if self.path is None else str(self.path),
            "notices": self.notices,
            "viewer_version": __version__,
            "requests_accepted": receiver.accepted_requests if receiver else 0,
            "requests_refused": receiver.refused_requests if receiver else 0,
        }


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortTaken: If it cannot be had; says who holds the port, where that can be known.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            # On Windows this option would let two servers share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno in _IN_USE:
            raise PortTaken(host, port, port_holder(port)) from None
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PortTaken(host, port, reason=reason) from None
    return listener


_IN_USE = {98, 48, 10048, 10013}
"""EADDRINUSE on Linux and macOS, WSAEADDRINUSE and WSAEACCES on Windows."""


def _reachable(host: str) -> str:
    """The host part of a URL under which this machine reaches a bound address."""
    if host in ("0.0.0.0", ""):
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
