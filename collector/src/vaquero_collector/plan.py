"""From options and environment to a plan: exactly what will be run, with nothing running yet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from vaquero_collector import addresses, binary, overlays, places
from vaquero_collector.addresses import Listener
from vaquero_collector.errors import CollectorError

DEFAULT_HTTP_PORT = 4318
DEFAULT_GRPC_PORT = 4317
DEFAULT_HEALTH_PORT = 13133
DEFAULT_METRICS_PORT = 14888
DEFAULT_DESTINATION = "http://127.0.0.1:14318"
_BACKEND = ("HEADERS", "CA_FILE", "CERT_FILE", "KEY_FILE")


@dataclass(frozen=True)
class Options:
    """What the caller asks for; None means: as the environment says, else the default.

    Attributes:
        overlays: Names of overlays, or paths of files.
        environment: Variables for the Collector, over those of this process.
        http_port: Port for OTLP over HTTP; 0 for a free one.
        grpc_port: Port for OTLP over gRPC; 0 for a free one.
        health_port: Port of the health check; None: the default where it is free, else another.
        metrics_port: Port of the Collector's own metrics; as above.
        listen: Host to listen on.
        forward_to: URL of the destination.
        folder: Folder for record, log and queue, in place of the user's.
        binary: The Collector to run.
    """

    overlays: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    http_port: int | None = None
    grpc_port: int | None = None
    health_port: int | None = None
    metrics_port: int | None = None
    listen: str | None = None
    forward_to: str | None = None
    folder: Path | None = None
    binary: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What will be run.

    Attributes:
        binary: The Collector.
        configs: Base and overlays, in the order of the merge.
        environment: The whole environment of the process; holds keys, so it is never shown.
        listener: Where senders send to.
        health_port: Port of the health check, on loopback.
        metrics_port: Port of the own metrics, on loopback.
        destination: URL that is forwarded to.
        folder: Folder of record, lock and log.
        queue: Folder of the queue for this destination.
        overlays: Names, for the record.
        chosen_ports: Those of the ports that nobody asked for, so that others would do as well.
    """

    binary: Path
    configs: tuple[Path, ...]
    environment: Mapping[str, str] = field(repr=False)
    listener: Listener
    health_port: int
    metrics_port: int
    destination: str
    folder: Path
    queue: Path
    overlays: tuple[str, ...]
    chosen_ports: frozenset[int]

    @property
    def arguments(self) -> list[str]:
        """The arguments of the binary."""
        return [word for config in self.configs for word in ("--config", str(config))]

    @property
    def log(self) -> Path:
        """The file that the Collector writes its log to."""
        return self.folder / "collector.log"

    @property
    def health_url(self) -> str:
        """Answers 200 when the Collector is ready."""
        return f"http://127.0.0.1:{self.health_port}/"

    @property
    def metrics_url(self) -> str:
        """The Collector's own metrics."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"


def make_plan(options: Options) -> Plan:
    """Return what to run for these options.

    Raises:
        CollectorError: a value is not usable, or there is no Collector.
    """
    environment = {**os.environ, **options.environment}
    program = options.binary or binary.require_binary()
    binary.check_version(program)
    listener, health, metrics, chosen = _ports(options, environment)
    destination, source = _destination(options, environment)
    addresses.check_destination(destination, source, listener)
    names = [*options.overlays, *_implied(options.overlays, environment)]
    if "viewer" in names:
        _check_viewer(destination, listener, environment)
    environment["VAQUERO_OTLP_ENDPOINT"] = destination
    if headers := environment.get("VAQUERO_OTLP_HEADERS"):
        pairs = header_map(headers)
        environment["VAQUERO_OTLP_HEADERS"] = json.dumps(pairs)
        listed = (f"{name}={quote(value, safe='')}" for name, value in pairs.items())
        environment["VAQUERO_OTLP_HEADERS_LIST"] = ",".join(listed)
    files = overlays.resolve(names, environment, program)
    folder = options.folder or places.state_folder() / str(listener.http_port)
    queues = environment.get("VAQUERO_COLLECTOR_QUEUE_DIR")
    queue = places.queue_folder(Path(queues) if queues else folder / "queue", destination)
    environment |= {
        "VAQUERO_COLLECTOR_LISTEN": listener.host,
        "VAQUERO_COLLECTOR_HTTP_PORT": str(listener.http_port),
        "VAQUERO_COLLECTOR_GRPC_PORT": str(listener.grpc_port),
        "VAQUERO_COLLECTOR_HEALTH_ENDPOINT": f"127.0.0.1:{health}",
        "VAQUERO_COLLECTOR_METRICS_HOST": "127.0.0.1",
        "VAQUERO_COLLECTOR_METRICS_PORT": str(metrics),
        "VAQUERO_COLLECTOR_QUEUE_DIR": str(queue),
    }
    return Plan(
        program,
        (places.base_config(), *files),
        environment,
        listener,
        health,
        metrics,
        destination,
        folder,
        queue,
        tuple(names),
        chosen,
    )


def _ports(
    options: Options, environment: Mapping[str, str]
) -> tuple[Listener, int, int, frozenset[int]]:
    """Return the listener, the ports for health and own metrics, and which of all were chosen."""
    host = options.listen or environment.get("VAQUERO_COLLECTOR_LISTEN") or "127.0.0.1"
    http = port(options.http_port, environment, "HTTP_PORT", DEFAULT_HTTP_PORT)
    grpc = port(options.grpc_port, environment, "GRPC_PORT", DEFAULT_GRPC_PORT)
    health = options.health_port or _health_port(environment)
    metrics = options.metrics_port or port(None, environment, "METRICS_PORT", 0)
    asked = {http, grpc, health, metrics}
    free = iter(addresses.free_ports("127.0.0.1", 4))
    # A Collector on any free port is one of several, likely: it leaves the usual ports to others.
    usual = http != 0
    listener = Listener(host, http or next(free), grpc or next(free))
    health = health or (_usual_or(free, DEFAULT_HEALTH_PORT) if usual else next(free))
    metrics = metrics or (_usual_or(free, DEFAULT_METRICS_PORT) if usual else next(free))
    every = {listener.http_port, listener.grpc_port, health, metrics}
    return listener, health, metrics, frozenset(every - asked)


def _usual_or(free: Iterator[int], usual: int) -> int:
    """Return the usual port, or a free one: nobody but `status` has to know it."""
    return usual if addresses.is_free("127.0.0.1", usual) else next(free)


def _health_port(environment: Mapping[str, str]) -> int:
    text = environment.get("VAQUERO_COLLECTOR_HEALTH_ENDPOINT", "")
    digits = text.rpartition(":")[2]
    if text and not digits.isdigit():
        raise CollectorError(
            f"VAQUERO_COLLECTOR_HEALTH_ENDPOINT={text!r} (from environment) is not usable: "
            f"expected host:port, e.g. 127.0.0.1:{DEFAULT_HEALTH_PORT}."
        )
    return int(digits) if digits else 0


def port(given: int | None, environment: Mapping[str, str], name: str, default: int) -> int:
    """Return a port: as given, as `VAQUERO_COLLECTOR_<name>` says, else the default.

    Raises:
        CollectorError: the variable does not hold a port.
    """
    if given is not None:
        return given
    variable = f"VAQUERO_COLLECTOR_{name}"
    text = environment.get(variable, "")
    if not text:
        return default
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise CollectorError(
            f"{variable}={text!r} (from environment) is not usable: "
            f"expected a port, e.g. {default}."
        )
    return int(text)


def _check_viewer(destination: str, listener: Listener, environment: Mapping[str, str]) -> None:
    url = environment.get("VAQUERO_VIEWER_ENDPOINT") or DEFAULT_DESTINATION
    addresses.check_destination(url, "VAQUERO_VIEWER_ENDPOINT", listener)
    if url.rstrip("/") == destination.rstrip("/"):
        raise CollectorError(
            f"overlay viewer would send everything to {addresses.masked(url)} twice: it is the "
            "destination already. Leave it out, or set VAQUERO_OTLP_ENDPOINT."
        )


def _destination(options: Options, environment: Mapping[str, str]) -> tuple[str, str]:
    if options.forward_to:
        return options.forward_to, "forward_to"
    if url := environment.get("VAQUERO_OTLP_ENDPOINT"):
        return url, "VAQUERO_OTLP_ENDPOINT"
    return DEFAULT_DESTINATION, "the default destination"


def _implied(names: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the overlays that variables ask for without naming them."""
    if any(environment.get(f"VAQUERO_OTLP_{name}") for name in _BACKEND) and "backend" not in names:
        yield "backend"
    share = environment.get("VAQUERO_COLLECTOR_SAMPLE_PERCENT") or "100"
    try:
        some = 0 <= float(share) < 100
        usable = some or float(share) == 100
    except ValueError:
        some = usable = False
    if not usable:
        raise CollectorError(
            f"VAQUERO_COLLECTOR_SAMPLE_PERCENT={share!r} (from environment) is not usable: "
            "expected a number from 0 to 100, e.g. 10."
        )
    if some and not {"sampling", "tail_sampling"} & set(names):
        yield "sampling"


def header_map(text: str) -> dict[str, str]:
    """Return headers given as a JSON map, or in the form of `OTEL_EXPORTER_OTLP_HEADERS`.

    Raises:
        CollectorError: neither; the text does not repeat the value, which is a secret.
    """
    if text.lstrip().startswith("{"):
        try:
            return {str(key): str(value) for key, value in json.loads(text).items()}
        except ValueError:
            pass
    else:
        pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
        if all(equals and key.strip() for key, equals, _value in pairs):
            # Values of OTEL_EXPORTER_OTLP_HEADERS are percent-encoded.
            return {key.strip(): unquote(value.strip()) for key, _equals, value in pairs}
    raise CollectorError(
        "VAQUERO_OTLP_HEADERS (from environment) is not usable: expected headers as "
        'name=value,name=value or as {"name": "value"}.'
    )
