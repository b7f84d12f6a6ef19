"""Receivers, a program in one function, and plug-ins of others that exist for a test."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.certificates import make_certificates, mutual_tls
from tests.support.otlp_grpc_receiver import OtlpGrpcReceiver
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.processes import clean_environ, is_telemetry, run
from tests.support.received import attributes
from vaquero import _log, _runtime
from vaquero.sdk.build import assemble
from vaquero.sdk.handle import VaqueroSDK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Over plain HTTP."""
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def grpc_receiver() -> Iterator[OtlpGrpcReceiver]:
    """Over gRPC without TLS."""
    with OtlpGrpcReceiver() as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ca.pem``, and ``server`` and ``client`` with their keys."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def tls_receiver(certificates: Path) -> Iterator[OtlpReceiver]:
    """Over HTTPS, for clients with a certificate only."""
    with OtlpReceiver(tls=mutual_tls(certificates)) as running:
        yield running


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes an installed distribution ``acme`` with these entry points and this code."""

    def install(points: Mapping[str, Mapping[str, str]], code: str) -> None:
        folder = tmp_path / "site"
        info = folder / "acme-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / "acme_plugin.py").write_text(code)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        text = "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in found.items())
            for group, found in points.items()
        )
        (info / "entry_points.txt").write_text(text)
        monkeypatch.syspath_prepend(str(folder))

    yield install
    sys.modules.pop("acme_plugin", None)
    importlib.invalidate_caches()


@dataclass
class Program:
    """A program that makes a span, a log record and a measurement, with vaquero assembled.

    Attributes:
        receiver: Where it sends.
        sdk: The SDK while it runs.
    """

    receiver: OtlpReceiver
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    sdk: Any = None

    def run(
        self,
        environ: Mapping[str, str] | None = None,
        body: Callable[[Program], None] | None = None,
        *,
        endpoint: bool = True,
        timeout_s: float = 10.0,
    ) -> bool:
        """Run it; whether all was acknowledged."""
        own = {
            "OTEL_SERVICE_NAME": "shop",
            "VAQUERO_SPOOL": "false",
            "VAQUERO_GAUGES": "false",
            "VAQUERO_CONTEXT": "false",
        }
        if endpoint:
            own["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.receiver.url
        self.receiver.requests.clear()
        before = dict(os.environ)
        try:
            with self.monkeypatch.context() as patch:
                patch.chdir(self.folder)
                for name, value in {**own, **(environ or {})}.items():
                    patch.setenv(name, value)
                _log.reset()
                settings, parts = assemble({}, replaceable=True)
                self.sdk = VaqueroSDK(settings=settings, parts=parts)
                try:
                    (body or everything)(self)
                    return self.sdk.flush(timeout_s)
                finally:
                    arrived = list(self.receiver.requests)
                    self.sdk.shutdown(0.2)
                    # The last collection of metrics tells nothing new.
                    self.receiver.requests = arrived
                    _runtime.reset()
        finally:
            os.environ.clear()
            os.environ.update(before)

    @property
    def tracer(self) -> Any:
        return self.sdk.tracer_provider.get_tracer("test")

    @property
    def meter(self) -> Any:
        return self.sdk.meter_provider.get_meter("test")


def everything(program: Program) -> None:
    """One of each signal, where it has a provider."""
    sdk = program.sdk
    if sdk.tracer_provider is not None:
        with program.tracer.start_as_current_span("work", attributes={"a": "text" * 8}):
            _log_and_measure(program)
    else:
        _log_and_measure(program)


def _log_and_measure(program: Program) -> None:
    logging.getLogger("shop").warning("hello", extra={"b": "text" * 8, "c": 1})
    if program.sdk.meter_provider is not None:
        program.meter.create_counter("count").add(3)
        program.meter.create_histogram("size").record(5.0)


@pytest.fixture
def program(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Program]:
    """A program in a process that has said and started nothing."""
    for name in filter(is_telemetry, list(os.environ)):
        monkeypatch.delenv(name)
    _log.reset()
    _runtime.reset()
    levels = {name: logging.getLogger(name).level for name in ("vaquero", "opentelemetry", None)}
    from opentelemetry import propagate

    textmap = propagate.get_global_textmap()
    folder = tmp_path / "work"
    folder.mkdir()
    yield Program(receiver, monkeypatch, folder)
    propagate.set_global_textmap(textmap)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    _runtime.reset()


@dataclass
class World:
    """What a check of one row may use; what it does not ask for is not made."""

    request: pytest.FixtureRequest

    def __getattr__(self, name: str) -> Any:
        return self.request.getfixturevalue(name)

    @staticmethod
    def attributes(holder: Any) -> dict[str, Any]:
        return attributes(holder)

    def unchanged(self, name: str, *values: str) -> None:
        """Nothing changes, whatever the variable says."""
        outcomes = []
        for environ in ({}, *({name: value} for value in values)):
            assert self.program.run(environ)
            outcomes.append((self._seen(), dict(self.program.sdk.settings)))
        for outcome in outcomes[1:]:
            assert outcome == outcomes[0]

    def _seen(self) -> Any:
        receiver = self.receiver
        resource = {
            key: value for key, value in receiver.resource.items() if key != "service.instance.id"
        }
        spans = [(span.name, attributes(span)) for span in receiver.spans]
        logs = [attributes(found) for found in receiver.logs if found.body.string_value == "hello"]
        return resource, spans, logs, receiver.metric("count").sum.data_points[0].as_int

    def python(self, code: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run code in a process of its own, under a launcher where words are given."""
        script = self.tmp_path / "program.py"
        script.write_text(code)
        quiet = {"VAQUERO_SPOOL": "false", "VAQUERO_GAUGES": "false", **environ}
        return run([*words, sys.executable, script], clean_environ(**quiet), cwd=self.tmp_path)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """Everything, made when it is asked for."""
    return World(request)
