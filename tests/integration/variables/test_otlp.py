"""Each row of the table that says where telemetry goes and how, executed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from scripts.variables_table import VARIABLES, Variable

from .checks import Checks

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = ("traces", "metrics", "logs")
CHECKS = Checks()
executes = CHECKS.executes
IGNORED: dict[str, Callable[[Any, str], None]] = {}


@pytest.mark.parametrize(
    "row",
    [row for row in VARIABLES if row.area == "OTLP" and row.status != "ignored"],
    ids=lambda row: row.name,
)
def test_the_row_says_what_happens(row: Variable, world: Any) -> None:
    """The variable has its effect on its signal, or on all, and on no other."""
    found = re.fullmatch(r"OTEL_EXPORTER_OTLP_(?:(TRACES|METRICS|LOGS)_)?([A-Z_]+)", row.name)
    assert found
    signals = (found.group(1).lower(),) if found.group(1) else SIGNALS
    CHECKS[found.group(2)](world, row.name, signals)


@pytest.mark.parametrize(
    "row",
    [row for row in VARIABLES if row.area == "OTLP" and row.status == "ignored"],
    ids=lambda row: row.name,
)
def test_the_row_changes_nothing(row: Variable, world: Any) -> None:
    """What is sent is the same with the variable and without."""
    world.unchanged(row.name, "acme")


@executes("ENDPOINT")
def endpoint(world: Any, name: str, signals: tuple[str, ...]) -> None:
    receiver = world.receiver
    one = len(signals) == 1
    url = f"{receiver.url}/own/{signals[0]}?x=1" if one else f"{receiver.url}/base/"
    assert world.program.run({name: url})
    paths = {request.signal: request.path for request in receiver.requests}
    for signal in SIGNALS:
        if one and signal in signals:
            assert paths[signal] == f"/own/{signal}?x=1"
        else:
            assert paths[signal] == f"{'' if one else '/base'}/v1/{signal}"


@executes("PROTOCOL")
def protocol(world: Any, name: str, signals: tuple[str, ...]) -> None:
    other = world.grpc_receiver
    address = name.replace("PROTOCOL", "ENDPOINT")
    assert world.program.run({name: "grpc", address: other.url})
    for signal in SIGNALS:
        assert bool(other.of(signal)) is (signal in signals)
        assert bool(world.receiver.of(signal)) is (signal not in signals)
    assert world.program.run({name: "http/json"})
    assert "valid: one of http/protobuf, grpc" in world.caplog.text
    assert {request.signal for request in world.receiver.requests} == set(SIGNALS)


@executes("HEADERS")
def headers(world: Any, name: str, signals: tuple[str, ...]) -> None:
    assert world.program.run({name: "x-team=shop%20floor,Authorization=Bearer%20t0ken"})
    for signal in SIGNALS:
        (first, *_) = world.receiver.of(signal)
        expected = ("shop floor", "Bearer t0ken") if signal in signals else (None, None)
        assert (first.headers.get("x-team"), first.headers.get("authorization")) == expected


@executes("TIMEOUT")
def timeout(world: Any, name: str, signals: tuple[str, ...]) -> None:
    assert world.program.run({name: "2.5"})
    settings = world.program.sdk.pipeline.settings
    for signal in SIGNALS:
        assert settings.destination(signal).timeout_s == (2.5 if signal in signals else 10.0)


@executes("COMPRESSION")
def compression(world: Any, name: str, signals: tuple[str, ...]) -> None:
    for value in ("gzip", "deflate", "none"):
        assert world.program.run({name: value})
        for signal in SIGNALS:
            (first, *_) = world.receiver.of(signal)
            coded = value if signal in signals and value != "none" else None
            assert first.headers.get("content-encoding") == coded


@executes("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
def certificates(world: Any, name: str, signals: tuple[str, ...]) -> None:
    folder, receiver = world.certificates, world.tls_receiver
    prefix = re.sub(r"(CLIENT_)?(CERTIFICATE|KEY)$", "", name)
    path = {"traces": "/v1/traces", "metrics": "/v1/metrics", "logs": "/v1/logs"}
    address = receiver.url + (path[signals[0]] if len(signals) == 1 else "")
    environ = {
        f"{prefix}ENDPOINT": address,
        f"{prefix}CERTIFICATE": str(folder / "ca.pem"),
        f"{prefix}CLIENT_KEY": str(folder / "client.key"),
        f"{prefix}CLIENT_CERTIFICATE": str(folder / "client.pem"),
    }
    assert world.program.run(environ)
    assert {request.signal for request in receiver.requests} == set(signals)
    receiver.requests.clear()
    del environ[name]
    world.program.run(environ, timeout_s=0.5)
    assert not receiver.requests
    assert {request.signal for request in world.receiver.requests} == set(SIGNALS) - set(signals)


@executes("INSECURE")
def insecure(world: Any, name: str, signals: tuple[str, ...]) -> None:
    receiver = world.grpc_receiver
    environ = {
        name.replace("INSECURE", "ENDPOINT"): receiver.target,
        name.replace("INSECURE", "PROTOCOL"): "grpc",
    }
    assert world.program.run({**environ, name: "true"})
    assert {request.signal for request in receiver.requests} == set(signals)
    receiver.requests.clear()
    assert not world.program.run({**environ, name: "false"}, timeout_s=0.5)
    assert not receiver.requests
    assert world.program.run(environ)
    assert receiver.requests  # Unset, and this machine's own address.


def test_an_address_without_scheme_elsewhere_is_asked_by_tls(world: Any) -> None:
    """For gRPC a scheme-less address means TLS, as the specification says, save on this machine."""
    from vaquero import config
    from vaquero.sdk import endpoints

    for address, plain in (("collector.example:4317", False), ("localhost:4317", True)):
        settings = config.load({}, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": address})
        found = endpoints.destination("traces", settings)
        assert (found.protocol, found.endpoint, found.insecure) == ("grpc", address, plain)
