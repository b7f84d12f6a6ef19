"""Addresses: which are one's own, which are free, and who holds one that is not."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psutil

from vaquero_collector.errors import CollectorError, PortTakenError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Listener:
    """What the Collector listens on: one host, a port for HTTP and one for gRPC."""

    host: str
    http_port: int
    grpc_port: int


def check_destination(url: str, source: str, listener: Listener) -> None:
    """Refuse a destination that is no URL, or that is the Collector itself.

    Args:
        url: The destination.
        source: Where it was read, for the message, e.g. `"VAQUERO_OTLP_ENDPOINT"`.
        listener: What the Collector listens on.

    Raises:
        CollectorError: what is sent there would come back for ever, or goes nowhere.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host:
        raise CollectorError(
            f"{source}={masked(url)!r} is not usable: expected a URL, e.g. http://127.0.0.1:14318."
        )
    port = port or (443 if parts.scheme == "https" else 80)
    if port in (listener.http_port, listener.grpc_port) and _is_own(host, listener.host):
        raise CollectorError(
            f"{source}={masked(url)!r} is the Collector's own listener, and what it sends would "
            "come back for ever: expected another address, e.g. http://127.0.0.1:14318."
        )


def _is_own(host: str, listen_host: str) -> bool:
    listens = _resolve(listen_host)
    every = any(address.is_unspecified for address in listens)
    own = _own_addresses() if every else listens
    # To send to 0.0.0.0 is to send to this machine.
    return any(a.is_unspecified or a in own or (every and a.is_loopback) for a in _resolve(host))


def _resolve(host: str) -> set[_Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()  # a name that is not known yet cannot be shown to be one's own
    return {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found}


def _own_addresses() -> set[_Address]:
    own: set[_Address] = set()
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                own.add(ipaddress.ip_address(entry.address.partition("%")[0]))
    return own


def is_loopback(url: str) -> bool:
    """Say whether a URL is one of this machine, which no proxy knows the way to."""
    found = _resolve(urlsplit(url).hostname or "")
    return bool(found) and all(address.is_loopback for address in found)


def masked(url: str) -> str:
    """Return the URL without user, password and query, for messages and records."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def is_free(host: str, port: int) -> bool:
    """Say whether a listener could be opened there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(host: str, count: int) -> list[int]:
    """Return ports that were all free at the same time, a moment ago."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probes = [socket.socket(family, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def holder(port: int) -> str:
    """Return who listens on a port, as far as this user may know: `"name (pid 7)"` or `""`."""
    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port:
                if connection.pid is None:
                    return ""
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def port_taken(name: str, host: str, port: int, advice: str) -> PortTakenError:
    """Return the error about a port that another program has."""
    who = holder(port)
    by = f" by {who}" if who else ""
    text = f"port {port} on {host} ({name}) is taken{by}: stop that program, or {advice}."
    return PortTakenError(text, port)
