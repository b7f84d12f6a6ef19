"""Where each signal goes, and how: address, protocol, headers, TLS, proxies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vaquero.pipeline import Destination, Proxies

if TYPE_CHECKING:
    from vaquero.config import Settings
    from vaquero.pipeline import Signal

DEFAULT_HTTP = "http://localhost:4318"
DEFAULT_GRPC = "http://localhost:4317"


def destination(signal: Signal, settings: Settings) -> Destination:
    """Where a signal goes: its own settings win over the general ones, by the specification."""

    def of(name: str) -> Any:
        own = settings[f"{signal}_{name}"]
        return settings[name] if own is None else own

    protocol = protocol_of(signal, settings)
    named = settings.is_set("endpoint") or settings.is_set(f"{signal}_endpoint")
    given: dict[str, str] = of("headers") or {}
    headers = {name.lower(): value for name, value in given.items()}
    if settings["api_key"] and named:
        headers.setdefault("authorization", f"Bearer {settings['api_key']}")
    bare = _bare_address(signal, settings) if protocol == "grpc" else None
    return Destination(
        endpoint=bare or endpoint_of(signal, settings),
        protocol=protocol,
        headers=tuple(sorted(headers.items())),
        timeout_s=of("timeout") or 10.0,
        compression=of("compression") or "none",
        certificate=of("certificate"),
        client_key=of("client_key"),
        client_certificate=of("client_certificate"),
        insecure=_plain(bare) if of("insecure") is None else of("insecure"),
        named_by_user=named,
    )


def _bare_address(signal: str, settings: Settings) -> str | None:
    """The ``host:port`` of a signal where it was written without a scheme, which decides on TLS."""
    own = settings[f"{signal}_endpoint"] is not None
    written = settings.raw(f"{signal}_endpoint" if own else "endpoint")
    return written.strip() if isinstance(written, str) and "://" not in written else None


def _plain(address: str | None) -> bool:
    """Whether an address without scheme is this machine's own, where TLS protects nothing."""
    host = urlsplit(f"//{address}").hostname if address else None
    return host in ("localhost", "127.0.0.1", "::1")


def protocol_of(signal: str, settings: Settings) -> Any:
    """The protocol: as set, else gRPC where the endpoint's port is 4317, else HTTP."""
    chosen = settings[f"{signal}_protocol"] or settings["protocol"]
    if chosen:
        return chosen
    endpoint = settings[f"{signal}_endpoint"] or settings["endpoint"]
    if endpoint and urlsplit(endpoint).port == 4317:
        return "grpc"
    return "http/protobuf"


def endpoint_of(signal: str, settings: Settings) -> str:
    """The URL of a signal: its own as it is, else the base with the signal's path."""
    own = settings[f"{signal}_endpoint"]
    if protocol_of(signal, settings) == "grpc":
        return own or settings["endpoint"] or DEFAULT_GRPC
    if own:
        return own
    return f"{(settings['endpoint'] or DEFAULT_HTTP).rstrip('/')}/v1/{signal}"


def proxies() -> Proxies:
    """The proxies of the environment, in either case of their names."""

    def read(name: str) -> str | None:
        return os.environ.get(name.lower()) or os.environ.get(name.upper()) or None

    bypass = tuple(part.strip() for part in (read("no_proxy") or "").split(",") if part.strip())
    everything = read("all_proxy")
    return Proxies(read("http_proxy") or everything, read("https_proxy") or everything, bypass)
