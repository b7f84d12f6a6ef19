"""Upstream's private places are as vaquero knows them, and are named in one module.

A failure here on a new release of OpenTelemetry names the place that changed. Look at the entry in
``vaquero/_upstream.py`` (or, for attributes read in place, at the module named), and mend it before
anything else: other tests fail in stranger ways.
"""

from __future__ import annotations

import ast
import inspect
import logging
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context, metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider, sampling
from opentelemetry.sdk.version import __version__ as SDK_VERSION
from opentelemetry.trace.propagation import _SPAN_KEY

import vaquero
from vaquero import _upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(vaquero.__file__).parent


def changed(what: str, where: str) -> str:
    """What a failing check says."""
    return f"OpenTelemetry {SDK_VERSION} has another {what}: look at {where}"


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_the_places_of_global_providers_are_known(signal: str) -> None:
    """Each signal's module has the provider and the mark that it has been set once."""
    place = _upstream.PROVIDERS[signal]
    message = changed(f"{place.module_name}.{place.name}", "vaquero/_upstream.py: GlobalProvider")

    assert place.is_known(), message
    assert place.is_set_for_good() in (True, False), message
    before = place.exchange(_upstream.set_for_good("ours"))
    try:
        assert (place.get(), place.is_set_for_good()) == ("ours", True), message
        public: Any = {
            "traces": trace.get_tracer_provider,
            "metrics": metrics.get_meter_provider,
            "logs": import_module("opentelemetry._logs").get_logger_provider,
        }
        assert public[signal]() == "ours", message
    finally:
        place.exchange(before)


def test_the_tracers_place_is_the_apis_own() -> None:
    """The hot path reads the API's variable, and not the stand-in of an unknown API."""
    assert _upstream.tracer_place is trace, changed(
        "opentelemetry.trace._TRACER_PROVIDER", "vaquero/_upstream.py: tracer_place"
    )


def test_the_stand_in_asks_the_public_function() -> None:
    """Where the API has no such variable, its function is asked at each look."""
    assert _upstream._PublicTracerPlace()._TRACER_PROVIDER is trace.get_tracer_provider()


def test_the_key_of_the_current_span_is_upstreams() -> None:
    """The key that was found through the public API is the one that upstream uses."""
    assert _upstream.SPAN_KEY == _SPAN_KEY, changed(
        "key of the current span", "vaquero/_upstream.py: SPAN_KEY"
    )


def test_detaching_raises_where_the_api_logs(caplog: pytest.LogCaptureFixture) -> None:
    """A token that was used is an error to the caller, and no line in the log."""
    token = context.attach(context.Context({"a": 1}))
    _upstream.detach(token)

    with pytest.raises(RuntimeError):
        _upstream.detach(token)
    assert caplog.records == [], changed("context._RUNTIME_CONTEXT", "vaquero/_upstream.py: detach")


def test_proxy_meters_have_their_parts() -> None:
    """The API's proxy provider has the lock, the list and the hook that offering relies on."""
    proxy = _upstream.proxy_meter_provider()
    where = "vaquero/_upstream.py: proxy_meter_provider, vaquero/sdk/global_providers.py"

    assert isinstance(proxy, _upstream.ProxyMeterProvider), changed("_PROXY_METER_PROVIDER", where)
    for name in ("_lock", "_meters", "_real_meter_provider", "on_set_meter_provider"):
        assert hasattr(proxy, name), changed(f"_ProxyMeterProvider.{name}", where)
    assert callable(_upstream.ProxyMeter.on_set_meter_provider), changed("_ProxyMeter", where)
    assert _upstream.ProxyMeterProvider.__name__ == "_ProxyMeterProvider", changed(
        "_ProxyMeterProvider", "vaquero_instrumentation_common/registry.py, which knows its name"
    )


def test_metrics_restart_from_zero() -> None:
    """After a restart a counter begins at zero and goes on counting."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("scope").create_counter("count")
    counter.add(5)

    _upstream.restart_metrics(provider)
    counter.add(2)

    data: Any = reader.get_metrics_data()
    points = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert [point.value for point in points] == [2], changed(
        "measurement consumer or storage", "vaquero/_upstream.py: restart_metrics"
    )
    provider.shutdown()


def test_exporters_have_preferences() -> None:
    """What a reader takes over from an exporter is there, in the shape that readers take."""
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter

    preferred = _upstream.preferences(ConsoleMetricExporter())

    assert preferred.keys() <= inspect.signature(InMemoryMetricReader.__init__).parameters.keys()


def test_the_detector_of_processes_gives_a_resource() -> None:
    """Where the SDK has one, it needs no arguments and gives a resource."""
    detect = _upstream.process_resource_detector()

    assert detect is None or isinstance(detect(), Resource), changed(
        "_get_process_dependent_resource", "vaquero/_upstream.py: process_resource_detector"
    )


def test_the_launcher_has_its_logger_and_its_line() -> None:
    """The logger whose line is filtered is the launcher's, and the text is in its source."""
    where = "vaquero/_upstream.py: LAUNCHER_LOGGER, LAUNCHER_NOT_LOADED"
    module = import_module(_upstream.LAUNCHER_LOGGER)
    loggers = [one for one in vars(module).values() if isinstance(one, logging.Logger)]

    assert [one.name for one in loggers] == [_upstream.LAUNCHER_LOGGER], changed("logger", where)
    assert _upstream.LAUNCHER_NOT_LOADED in inspect.getsource(module), changed("line", where)


def test_classes_are_found_by_our_names() -> None:
    """Each class that is loaded on demand is there; another name is an ordinary error."""
    for name in _upstream._CLASSES:
        assert inspect.isclass(getattr(_upstream, name)), changed(name, "vaquero/_upstream.py")
    with pytest.raises(AttributeError, match="nosuch"):
        _ = _upstream.nosuch  # type: ignore[attr-defined]


def _ended_span() -> Span:
    span: Any = TracerProvider(shutdown_on_exit=False).get_tracer("scope").start_span("name")
    span.end()
    return span


def _provider() -> TracerProvider:
    return TracerProvider(shutdown_on_exit=False)


#: Read in place, since a call is too dear or the attribute is inherited: the object that has them,
#: the attributes, and the modules of vaquero to look at.
IN_PLACE: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "span": (
        _ended_span,
        (
            "_context",
            "_parent",
            "_name",
            "_kind",
            "_start_time",
            "_end_time",
            "_attributes",
            "_status",
            "_events",
            "_links",
            "_resource",
            "_instrumentation_scope",
            "_readable_span",
        ),
        "pipeline/otlp/foreign_spans.py, pipeline/queue/ring.py, tracing/readable.py",
    ),
    "span's attributes": (
        lambda: _ended_span()._attributes,
        ("_dict", "maxlen", "dropped"),
        "pipeline/otlp/foreign_spans.py, pipeline/queue/ring.py, tracing/readable.py",
    ),
    "span's events": (
        lambda: _ended_span()._events,
        ("_dq", "dropped"),
        "pipeline/otlp/foreign_spans.py",
    ),
    "status": (
        lambda: _ended_span()._status,
        ("_status_code", "_description"),
        "pipeline/otlp/foreign_spans.py",
    ),
    "tracer provider": (
        _provider,
        ("_active_span_processor", "_span_limits", "_resource", "_disabled", "_atexit_handler"),
        "tracing/provider.py",
    ),
    "list of processors": (
        lambda: _provider()._active_span_processor,
        ("_span_processors",),
        "tracing/scope.py, tracing/tracer.py, tracing/span.py",
    ),
    "tracer": (
        lambda: _provider().get_tracer("scope"),
        ("_span_limits", "_instrumentation_scope"),
        "tracing/tracer.py, tracing/readable.py",
    ),
    "meter provider": (
        lambda: MeterProvider(shutdown_on_exit=False),
        ("_sdk_config",),
        "metrics/provider.py",
    ),
    "static sampler": (lambda: sampling.ALWAYS_ON, ("_decision",), "tracing/sampling/shortcut.py"),
    "parent-based sampler": (
        lambda: sampling.DEFAULT_ON,
        (
            "_root",
            "_remote_parent_sampled",
            "_remote_parent_not_sampled",
            "_local_parent_sampled",
            "_local_parent_not_sampled",
        ),
        "tracing/sampling/shortcut.py",
    ),
    "module of samplers": (
        lambda: sampling,
        ("_AlwaysOff", "_ParentBasedAlwaysOn", "_ParentBasedAlwaysOff"),
        "tracing/sampling/shortcut.py",
    ),
}


@pytest.mark.parametrize("what", IN_PLACE)
def test_attributes_that_are_read_in_place_are_there(what: str) -> None:
    """Private attributes of upstream's objects, with the modules that read them."""
    make, names, modules = IN_PLACE[what]
    found = make()

    missing = [name for name in names if not hasattr(found, name)]

    assert missing == [], changed(what, f"vaquero/{modules}")


#: Modules of vaquero that may reach for private names of upstream's modules themselves.
ALLOWED = {"_upstream.py", "tracing/sampling/shortcut.py"}

#: Documented by upstream, although experimental, or the API's public class under its older name.
_PUBLIC = {"_logs", "_Gauge"}


def _private(name: str) -> bool:
    parts = name.split(".")
    return any(p.startswith("_") and not p.startswith("__") and p not in _PUBLIC for p in parts)


def _private_names(tree: ast.Module) -> Iterator[str]:
    """Private names of OpenTelemetry that are imported, or read from what was imported."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opentelemetry"):
            for alias in node.names:
                imported.add(alias.asname or alias.name)
                if _private(f"{node.module}.{alias.name}"):
                    yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("opentelemetry"):
                    imported.add(alias.asname or "opentelemetry")
                    if _private(alias.name):
                        yield alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in imported and node.value.id.islower() and _private(node.attr):
                yield f"{node.value.id}.{node.attr}"


def test_private_names_of_upstream_stand_in_one_module() -> None:
    """No other module imports a private name of OpenTelemetry, or reads one from a module."""
    found = {
        name: sorted(set(_private_names(ast.parse(path.read_text("utf-8")))))
        for path in sorted(PACKAGE.rglob("*.py"))
        if (name := path.relative_to(PACKAGE).as_posix()) not in ALLOWED
    }

    assert {name: names for name, names in found.items() if names} == {}


def test_importing_it_loads_no_sdk() -> None:
    """The module is on the way of the first span: tracing's API only."""
    code = (
        "import sys, vaquero._upstream\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.metrics', 'opentelemetry._logs')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
