"""The distribution's entry points: what is set up, what is instrumented, what is passed over."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.instrumentation.dependencies import DependencyConflict, DependencyConflictError

from vaquero import distro
from vaquero.auto_instrumentation import switches
from vaquero.distro import VaqueroConfigurator, VaqueroDistro


class _Point:
    """An entry point of the group opentelemetry_instrumentor."""

    def __init__(self, name: str, value: str, error: BaseException | None = None) -> None:
        self.name = name
        self.value = value
        self.loaded: list[dict[str, Any]] = []
        self._error = error

    def load(self) -> Any:
        outer = self

        class Instrumentor:
            def instrument(self, **kwargs: Any) -> None:
                outer.loaded.append(kwargs)
                if outer._error is not None:
                    raise outer._error

        return Instrumentor


@pytest.fixture(autouse=True)
def not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before the configurator ran."""
    monkeypatch.setattr(distro, "_configured", False)


@pytest.mark.parametrize("error", [ValueError("bad\nhook"), ImportError("libfoo"), SystemExit(3)])
def test_a_failing_instrumentor_is_one_line_and_stops_nothing(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever an instrumentor raises, the launcher goes on with the next."""
    VaqueroDistro().load_instrumentor(_Point("flaky", "flaky:Instrumentor", error))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'flaky'" in caplog.text
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=flaky" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'flask'"),
        DependencyConflictError(DependencyConflict("flask < 3", "flask 3.1")),
    ],
)
def test_a_library_that_is_not_there_is_left_to_the_launcher(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The launcher passes over a missing library quietly, and so it must see the exception."""
    with pytest.raises(type(error)):
        VaqueroDistro().load_instrumentor(_Point("flask", "x:FlaskInstrumentor", error))
    assert caplog.records == []


def test_arguments_reach_the_instrumentor() -> None:
    """What the launcher hands over (skip_dep_check) is handed on."""
    point = _Point("flask", "x:FlaskInstrumentor")
    VaqueroDistro().load_instrumentor(point, skip_dep_check=True)
    assert point.loaded == [{"skip_dep_check": True}]


@pytest.mark.parametrize("name", sorted(switches.OWN_GAUGES))
def test_our_gauges_are_started_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up by our configurator they run already; under another one the launcher starts them."""
    point = _Point(name, f"vaquero_instrumentation_{name}:Instrumentor")
    VaqueroDistro().load_instrumentor(point)
    assert len(point.loaded) == 1
    monkeypatch.setattr(distro, "_configured", True)
    VaqueroDistro().load_instrumentor(point)
    assert len(point.loaded) == 1


def test_only_the_duplicate_of_our_gauges_is_left_out() -> None:
    """Upstream's system_metrics is skipped; somebody else's package of a like name is not."""
    upstream = _Point(
        "system_metrics", "opentelemetry.instrumentation.system_metrics:SystemMetricsInstrumentor"
    )
    other = _Point("system", "acme_telemetry:SystemInstrumentor")
    for point in (upstream, other):
        VaqueroDistro().load_instrumentor(point)
    assert upstream.loaded == []
    assert len(other.loaded) == 1


def test_the_distro_only_sets_what_nobody_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our configurator is the default; somebody else's gets the exporters of upstream's distro."""
    import os

    monkeypatch.delenv("OTEL_PYTHON_CONFIGURATOR", raising=False)
    VaqueroDistro().configure()
    assert os.environ["OTEL_PYTHON_CONFIGURATOR"] == "vaquero"
    assert "OTEL_TRACES_EXPORTER" not in os.environ
    monkeypatch.setenv("OTEL_PYTHON_CONFIGURATOR", "configurator")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    for signal in ("TRACES", "LOGS"):
        # So that monkeypatch takes away again what the distro sets.
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "x")
        monkeypatch.delenv(f"OTEL_{signal}_EXPORTER")
    VaqueroDistro().configure()
    assert os.environ["OTEL_PYTHON_CONFIGURATOR"] == "configurator"
    assert os.environ["OTEL_TRACES_EXPORTER"] == "otlp"
    assert os.environ["OTEL_METRICS_EXPORTER"] == "none"


def test_the_launchers_noise_is_filtered_and_its_faults_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the launcher says of passed-over configurators is dropped; a real failure is not."""
    VaqueroDistro().configure()
    logger = logging.getLogger("opentelemetry.instrumentation.auto_instrumentation._load")
    logger.warning("Configuration of %s not loaded, %s already loaded", "configurator", "vaquero")
    logger.warning("Configuration of %s not loaded because %s is set by %s", "a", "b", "c")
    logger.error("Configuration of %s failed", "configurator")
    assert [record.message for record in caplog.records] == ["Configuration of configurator failed"]


def test_the_configurator_never_raises(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception of ours is one line: raised, it would keep the launcher from instrumenting."""
    import vaquero.sdk

    def broken(**kwargs: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(vaquero.sdk, "configure_from_entry_point", broken)
    VaqueroConfigurator().configure(auto_instrumentation_version="0.66b2")
    assert len(caplog.records) == 1
    assert "out of luck" in caplog.text
    assert distro._configured is False


def test_the_configurator_hands_on_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a launcher or a program passes to ``configure`` reaches the SDK."""
    import vaquero.sdk

    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(
        vaquero.sdk, "configure_from_entry_point", lambda **kwargs: seen.append(kwargs)
    )
    VaqueroConfigurator().configure(
        auto_instrumentation_version="1", resource_attributes={"a": "b"}, sampler=None
    )
    assert seen == [
        {"auto_instrumentation_version": "1", "resource_attributes": {"a": "b"}, "sampler": None}
    ]


@pytest.mark.parametrize("name", sorted(distro.OWN_RECORDS))
def test_records_are_sent_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstream's instrumentation of logging is left out where our SDK sends the same records."""
    point = _Point(name, f"opentelemetry.instrumentation.{name}:Instrumentor")
    VaqueroDistro().load_instrumentor(point)
    assert len(point.loaded) == 1
    monkeypatch.setattr(distro, "_configured", True)
    VaqueroDistro().load_instrumentor(point)
    assert len(point.loaded) == 1


def test_gevent_chooses_its_loop_when_it_is_imported() -> None:
    """Chosen later, by two threads at once, the choice can wait for itself for ever."""
    pytest.importorskip("gevent")
    import subprocess
    import sys

    code = (
        "from vaquero.distro import VaqueroDistro\n"
        "VaqueroDistro().configure()\n"
        "import gevent\n"
        "settings = gevent.config.settings\n"
        "print(['value' in vars(settings[n]) for n in ('loop', 'libev_backend', 'format_context')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[True, True, True]\n", "")
