"""The private places of OpenTelemetry's API and SDK that vaquero depends on, in one module.

Upstream does not promise to keep them. For each one stands here which releases have it ("all" are
those that vaquero supports, 1.38 and later) and what happens where it is missing.
``tests/unit/test_upstream.py`` fails on a release that changed one, and where another module of
vaquero names one itself.

Importing this module loads OpenTelemetry's tracing API and nothing more. What belongs to metrics,
logs and the SDK is loaded when it is asked for: classes through the module's ``__getattr__``.

Not here:

- ``opentelemetry._logs`` and ``opentelemetry.sdk._logs``: documented, although experimental.
- Attributes of spans, samplers, providers and processors that our own classes inherit, or that are
  read for each span: there a call costs too much, or makes no sense. The test lists them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import context as context_api
from opentelemetry import trace as trace_api
from opentelemetry.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from opentelemetry.metrics._internal import _ProxyMeter as ProxyMeter
    from opentelemetry.metrics._internal import _ProxyMeterProvider as ProxyMeterProvider
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator as OTelSDKConfigurator
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter

__all__ = [
    "LAUNCHER_LOGGER",
    "LAUNCHER_NOT_LOADED",
    "PROVIDERS",
    "SPAN_KEY",
    "GlobalProvider",
    "OTelSDKConfigurator",
    "ProviderState",
    "ProxyMeter",
    "ProxyMeterProvider",
    "detach",
    "preferences",
    "process_resource_detector",
    "proxy_meter_provider",
    "restart_metrics",
    "set_for_good",
    "tracer_place",
]

# ---------------------------------------------------------------------- context

#: Key of the current span in a ``Context``: ``opentelemetry.trace.propagation._SPAN_KEY``, in all
#: releases, and found through the public API, so that nothing depends on the name.
SPAN_KEY: str = next(iter(trace_api.set_span_in_context(trace_api.INVALID_SPAN, Context())))


def detach(token: Any) -> None:
    """Make the context before :func:`opentelemetry.context.attach` current again.

    The API's own ``detach`` logs an error where the token belongs to another task or thread; this
    raises instead. ``context._RUNTIME_CONTEXT`` is there in all releases; without it the API's is
    called.

    Raises:
        ValueError: The token was made in another ``contextvars.Context``.
        RuntimeError: It has been used.
    """
    runtime: Any = getattr(context_api, "_RUNTIME_CONTEXT", context_api)
    runtime.detach(token)


# ---------------------------------------------------------------------- global providers

#: The provider of one signal and the mark that somebody set it, as the API keeps them.
ProviderState = tuple[Any, Any]


class GlobalProvider(NamedTuple):
    """Where the API keeps the global provider of one signal, and the mark that it has been set.

    A module with ``_X_PROVIDER`` (None: nobody has set one) and ``_X_PROVIDER_SET_ONCE`` (an
    ``opentelemetry.util._once.Once``), in all releases. Where they are missing
    :meth:`is_known` is False and nothing of ours becomes global but by the public functions.

    Attributes:
        module_name: The API's module; loaded at the first use.
        name: The module's variable for the provider.
    """

    module_name: str
    name: str

    @property
    def _module(self) -> ModuleType:
        return import_module(self.module_name)

    @property
    def _once_name(self) -> str:
        return f"{self.name}_SET_ONCE"

    def get(self, default: Any = None) -> Any:
        """The provider there; None where nobody has set one, ``default`` for an unknown API."""
        return getattr(self._module, self.name, default)

    def put(self, provider: Any) -> None:
        """Put a provider there, and leave the mark as it is."""
        setattr(self._module, self.name, provider)

    def is_known(self) -> bool:
        """Whether the API is built as this class knows it."""
        from opentelemetry.util._once import Once

        module = self._module
        return hasattr(module, self.name) and isinstance(
            getattr(module, self._once_name, None), Once
        )

    def is_set_for_good(self) -> bool | None:
        """Whether the API refuses another provider; None where that cannot be told."""
        done = getattr(getattr(self._module, self._once_name, None), "_done", None)
        return None if done is None else bool(done)

    def set_for_good(self) -> None:
        """Let the API refuse another provider from now on."""
        getattr(self._module, self._once_name).do_once(lambda: None)

    def exchange(self, state: ProviderState) -> ProviderState:
        """Put provider and mark there; gives back those that were there.

        Raises:
            AttributeError: The API is built in another way.
        """
        module = self._module
        before = getattr(module, self.name), getattr(module, self._once_name)
        setattr(module, self.name, state[0])
        setattr(module, self._once_name, state[1])
        return before


def set_for_good(provider: Any) -> ProviderState:
    """The state of a place where this provider has been set by the API's function."""
    from opentelemetry.util._once import Once

    mark = Once()
    mark.do_once(lambda: None)
    return provider, mark


#: The places of the global providers, by signal.
PROVIDERS: dict[str, GlobalProvider] = {
    "traces": GlobalProvider("opentelemetry.trace", "_TRACER_PROVIDER"),
    "metrics": GlobalProvider("opentelemetry.metrics._internal", "_METER_PROVIDER"),
    "logs": GlobalProvider("opentelemetry._logs._internal", "_LOGGER_PROVIDER"),
}


class _PublicTracerPlace:
    """Stands for the API's module where it has no place of that name any more."""

    @property
    def _TRACER_PROVIDER(self) -> Any:
        return trace_api.get_tracer_provider()


#: Has the global tracer provider as ``_TRACER_PROVIDER``, for code that looks at it for every span:
#: reading the attribute costs no call. See :class:`GlobalProvider`.
tracer_place: Any = trace_api if hasattr(trace_api, "_TRACER_PROVIDER") else _PublicTracerPlace()


def proxy_meter_provider() -> Any:
    """The API's provider of meters that wait for a real one; None where there is none.

    ``opentelemetry.metrics._internal._PROXY_METER_PROVIDER``, in all releases. It keeps ``_lock``,
    ``_meters`` (proxies handed out) and ``_real_meter_provider``. Without it meters that were
    handed out before a provider was put in place stay without instruments.
    """
    return getattr(import_module("opentelemetry.metrics._internal"), "_PROXY_METER_PROVIDER", None)


# ---------------------------------------------------------------------- the SDK's metrics


def preferences(exporter: MetricExporter) -> dict[str, Any]:
    """What a metric reader takes over from its exporter, as arguments of ``MetricReader``.

    ``MetricExporter._preferred_temporality`` and ``_preferred_aggregation``, in all releases; the
    SDK's own reader reads them.

    Raises:
        AttributeError: An exporter whose constructor did not call that of its base.
    """
    return {
        "preferred_temporality": exporter._preferred_temporality,
        "preferred_aggregation": exporter._preferred_aggregation,
    }


def restart_metrics(provider: MeterProvider) -> None:
    """In a forked child: new locks, and empty storage with a new start time.

    The SDK takes its sums into the child, and a lock that was held at the fork. All attributes are
    in all releases; where one is missing, the child's metrics are reported as a failure of ours and
    the next hook runs.
    """
    import threading

    from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider

    parts: Any = provider
    parts._lock = threading.Lock()
    parts._meter_lock = threading.Lock()
    type(provider)._all_metric_readers_lock = threading.Lock()
    SdkMeterProvider._all_metric_readers_lock = threading.Lock()
    consumer = parts._measurement_consumer
    consumer._lock = threading.Lock()
    consumer._reader_storages = {
        reader: _empty_storage(storage) for reader, storage in consumer._reader_storages.items()
    }


def _empty_storage(storage: Any) -> Any:
    # The storage keeps each argument of its constructor under the argument's name.
    import inspect

    constructor: Any = storage.__class__
    names = list(inspect.signature(constructor.__init__).parameters)[1:]
    return constructor(*(getattr(storage, f"_{name}") for name in names))


# ---------------------------------------------------------------------- resources, launcher


def process_resource_detector() -> Callable[[], Any] | None:
    """The SDK's detection of what differs between processes; None where it has none.

    ``opentelemetry.sdk.resources._get_process_dependent_resource``: 1.45 has it, 1.38 has not.
    """
    return getattr(
        import_module("opentelemetry.sdk.resources"), "_get_process_dependent_resource", None
    )


#: The logger of the launcher's private module, in all releases with a launcher; and how its line
#: begins about a distro or configurator that was not chosen. Another text is not filtered.
LAUNCHER_LOGGER = "opentelemetry.instrumentation.auto_instrumentation._load"
LAUNCHER_NOT_LOADED = "Configuration of %s not loaded"


# ---------------------------------------------------------------------- classes

#: Classes by the names that they have here: module and name upstream. All are there in all
#: releases; a missing one raises ``AttributeError`` (``ImportError`` in a ``from`` import) where it
#: is asked for.
_CLASSES = {
    # Base of the configurator's entry point.
    "OTelSDKConfigurator": ("opentelemetry.sdk._configuration", "_OTelSDKConfigurator"),
    # Meters that were handed out while no provider was set.
    "ProxyMeter": ("opentelemetry.metrics._internal", "_ProxyMeter"),
    "ProxyMeterProvider": ("opentelemetry.metrics._internal", "_ProxyMeterProvider"),
}


def __getattr__(name: str) -> Any:
    if name not in _CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, private_name = _CLASSES[name]
    globals()[name] = found = getattr(import_module(module_name), private_name)
    return found
