"""The settings of the pipeline: where each signal goes, and how much may wait for it.

Nothing here reads the environment: ``vaquero.config`` does, and hands over finished values.

Named tuples here and wherever the first span passes, not dataclasses: writing the methods of
a frozen dataclass takes a millisecond of each start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple, get_args
from urllib.parse import urlsplit

from vaquero._process import EXIT_BUDGET_S

Signal = Literal["traces", "metrics", "logs"]
Protocol = Literal["http/protobuf", "grpc"]
Compression = Literal["none", "gzip", "deflate"]

SIGNALS: tuple[Signal, ...] = get_args(Signal)

_MIB = 1024 * 1024


class Destination(NamedTuple):
    """Where one signal goes, and how.

    Attributes:
        endpoint: For HTTP the full URL of the signal (``http://host:4318/v1/traces``); for gRPC
            ``http://host:4317`` or ``host:4317``.
        protocol: ``http/protobuf`` or ``grpc``.
        headers: Sent with each request, names in any case. Never printed.
        timeout_s: Longest time one request may take, in seconds.
        compression: ``none``, ``gzip`` (level 1) or ``deflate``.
        certificate: Path of a CA bundle (PEM) instead of the system's.
        client_key: Path of the client's private key (PEM), for mutual TLS.
        client_certificate: Path of the client's certificate (PEM), for mutual TLS.
        insecure: gRPC only: no TLS for an endpoint without scheme.
        named_by_user: Whether somebody set this endpoint. Where nobody did, nothing is spooled.
    """

    endpoint: str
    protocol: Protocol = "http/protobuf"
    headers: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 10.0
    compression: Compression = "none"
    certificate: str | None = None
    client_key: str | None = None
    client_certificate: str | None = None
    insecure: bool = False
    named_by_user: bool = False

    @property
    def address(self) -> str:
        """The endpoint without user name, password, query and fragment: safe to print."""
        try:
            parts = urlsplit(self.endpoint if "//" in self.endpoint else f"//{self.endpoint}")
            host = parts.netloc.rpartition("@")[2]
            scheme = f"{parts.scheme}://" if parts.scheme else ""
            return f"{scheme}{host}{parts.path}"
        except ValueError:
            return "an address that cannot be parsed"

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in self.headers)
        return (
            f"Destination({self.address!r}, {self.protocol}, headers=<{names}>, "
            f"timeout_s={self.timeout_s}, compression={self.compression}, "
            f"named_by_user={self.named_by_user})"
        )


class Proxies(NamedTuple):
    """HTTP proxies, as ``http_proxy``, ``https_proxy`` and ``no_proxy`` give them.

    Attributes:
        http: Proxy URL for plain endpoints; None for none.
        https: Proxy URL for TLS endpoints; None for none.
        bypass: Host names, domain suffixes (``.example.org``), ``*`` that go direct.
    """

    http: str | None = None
    https: str | None = None
    bypass: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Proxies(bypass={self.bypass})"  # The URLs may hold credentials.


class PipelineSettings(NamedTuple):
    """All settings of the pipeline. Sizes in bytes, times in seconds.

    Attributes:
        traces: Where spans go; None drops nothing but refuses the signal.
        metrics: Where metrics go.
        logs: Where logs go.
        spool_dir: Folder of the spool; None keeps everything in memory.
        spool_max_bytes: Bound of the spool for this user, all processes together.
        spool_max_age_s: Older data is dropped.
        refused_max_bytes: What is kept of requests answered with 401, 403, 404 or a redirect.
        memory_max_bytes: Bound of what waits in memory where there is no spool, per signal.
        ring_max_spans: Bound of finished spans that wait for the writer.
        ring_max_bytes: Bound of the same in estimated bytes.
        write_interval_s: How often the writer empties the ring.
        schedule_delay_s: How long the sender collects before it sends.
        request_max_bytes: Frames are joined into requests up to this size, before compression.
        request_max_items: The same in spans, points or records.
        connect_timeout_s: Longest time of a TCP connect.
        exit_timeout_s: Longest time an ending process waits for its last request.
        proxies: Proxies for HTTP; loopback never goes through one.
        user_agent: The ``User-Agent`` of each request.
    """

    traces: Destination | None = None
    metrics: Destination | None = None
    logs: Destination | None = None
    spool_dir: Path | None = None
    spool_max_bytes: int = 256 * _MIB
    spool_max_age_s: float = 7 * 86400.0
    refused_max_bytes: int = 16 * _MIB
    memory_max_bytes: int = 16 * _MIB
    ring_max_spans: int = 32768
    ring_max_bytes: int = 16 * _MIB
    write_interval_s: float = 0.05
    schedule_delay_s: float = 0.5
    request_max_bytes: int = _MIB
    request_max_items: int = 8192
    connect_timeout_s: float = 1.0
    exit_timeout_s: float = EXIT_BUDGET_S
    proxies: Proxies = Proxies()
    user_agent: str = "vaquero-otel"

    def destination(self, signal: Signal) -> Destination | None:
        """Where this signal goes; None where it is not exported."""
        if signal == "traces":
            return self.traces
        return self.metrics if signal == "metrics" else self.logs
