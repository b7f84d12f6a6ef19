"""Host and Origin of every request: no foreign web page may talk to us through a browser.

A page of any site can make a browser send requests to 127.0.0.1, and with DNS rebinding read the
answers under its own host name. Both show in the headers: ``Host`` is then the site's name, and
``Origin`` the site's address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """Lets through only requests that were addressed to this machine, and adds our headers.

    Args:
        app: The application behind.
        bound_host: Address that the server listens on. On another address than loopback any
            literal IP address is accepted as ``Host`` (rebinding needs a name).
        allowed_hosts: Further names that are accepted; ``"*"`` accepts all.
        headers: Put on every answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bound_host: str,
        allowed_hosts: Iterable[str] = (),
        headers: dict[str, str],
    ) -> None:
        self._app = app
        self._names = _LOOPBACK_NAMES | {name.lower().strip("[]") for name in allowed_hosts}
        self._any_address = not is_loopback(bound_host)
        self._headers = [(key.lower().encode(), value.encode()) for key, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to a request of foreign origin, else hand it on."""
        if scope["type"] != "http":
            # No WebSockets here, and no lifespan: nothing needs starting.
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        flaw = self._flaw(scope)
        if flaw is None:
            await self._app(scope, receive, send_with_headers)
            return
        answer = JSONResponse({"code": 7, "message": flaw}, status_code=403)
        await answer(scope, receive, send_with_headers)

    def _flaw(self, scope: Scope) -> str | None:
        hosts = [value for key, value in scope["headers"] if key == b"host"]
        origins = [value for key, value in scope["headers"] if key == b"origin"]
        if len(hosts) > 1 or len(origins) > 1:
            return "the request has more than one Host or Origin header"
        host = hosts[0].decode("latin-1") if hosts else ""
        if not self._accepts(_host_name("//" + host)):
            return f"the Host header {host[:100]!r} does not name this machine"
        if origins:
            origin = origins[0].decode("latin-1")
            if not self._accepts(_host_name(origin)):
                return f"requests from the origin {origin[:100]!r} are not accepted"
        return None

    def _accepts(self, name: str | None) -> bool:
        if "*" in self._names:
            return True
        if name is None:
            return False
        return name in self._names or (self._any_address and _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(url: str) -> str | None:
    """The host of an address in lower case, ``None`` where there is none."""
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return None
        _ = parts.port  # raises for a port that is no number
        return parts.hostname
    except ValueError:
        return None
