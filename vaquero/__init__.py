"""vaquero: an OpenTelemetry distribution for Python that makes performance visible.

::

    import vaquero

    @vaquero.trace
    def checkout(items: int) -> None:
        with vaquero.span("payment", items=items):
            ...

Importing does nothing: every name is loaded when it is first used, and the first *call* starts the
default SDK, or ``vaquero.init(...)`` does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaquero import _environ, _runtime
from vaquero.version import __version__

if TYPE_CHECKING:
    from vaquero import testing as testing
    from vaquero import tracing as tracing
    from vaquero.errors import MissingPartError, SettingsError, VaqueroError
    from vaquero.facade.current import (
        get_current_span,
        get_current_span_id,
        get_current_trace_id,
    )
    from vaquero.facade.decorator import trace
    from vaquero.facade.span import span
    from vaquero.facade.span import span as async_span
    from vaquero.metrics.instruments import counter, gauge, histogram, up_down_counter
    from vaquero.metrics.resources import Quota, observe_cache, observe_pool
    from vaquero.pipeline import SpanExporter, SpanProcessor
    from vaquero.sdk import (
        SDKConfig,
        VaqueroSDK,
        configure,
        configure_from_env,
        flush,
        get_default_sdk,
        init,
        set_default_sdk,
        shutdown,
    )
    from vaquero.sdk import get_default_sdk as get_global_instance
    from vaquero.tracing.propagation import child_environment, continued, extract, inject

#: Where each public name lives: (module, name there); an empty name is the module itself.
_LAZY_EXPORTS: dict[str, tuple[str, str]] = {
    "MissingPartError": ("vaquero.errors", "MissingPartError"),
    "Quota": ("vaquero.metrics.resources", "Quota"),
    "SDKConfig": ("vaquero.sdk", "SDKConfig"),
    "SettingsError": ("vaquero.errors", "SettingsError"),
    "SpanExporter": ("vaquero.pipeline", "SpanExporter"),
    "SpanProcessor": ("vaquero.pipeline", "SpanProcessor"),
    "VaqueroError": ("vaquero.errors", "VaqueroError"),
    "VaqueroSDK": ("vaquero.sdk", "VaqueroSDK"),
    "async_span": ("vaquero.facade.span", "span"),
    "child_environment": ("vaquero.tracing.propagation", "child_environment"),
    "configure": ("vaquero.sdk", "configure"),
    "configure_from_env": ("vaquero.sdk", "configure_from_env"),
    "continued": ("vaquero.tracing.propagation", "continued"),
    "counter": ("vaquero.metrics.instruments", "counter"),
    "extract": ("vaquero.tracing.propagation", "extract"),
    "flush": ("vaquero.sdk", "flush"),
    "gauge": ("vaquero.metrics.instruments", "gauge"),
    "get_current_span": ("vaquero.facade.current", "get_current_span"),
    "get_current_span_id": ("vaquero.facade.current", "get_current_span_id"),
    "get_current_trace_id": ("vaquero.facade.current", "get_current_trace_id"),
    "get_default_sdk": ("vaquero.sdk", "get_default_sdk"),
    "get_global_instance": ("vaquero.sdk", "get_default_sdk"),
    "histogram": ("vaquero.metrics.instruments", "histogram"),
    "init": ("vaquero.sdk", "init"),
    "inject": ("vaquero.tracing.propagation", "inject"),
    "observe_cache": ("vaquero.metrics.resources", "observe_cache"),
    "observe_pool": ("vaquero.metrics.resources", "observe_pool"),
    "set_default_sdk": ("vaquero.sdk", "set_default_sdk"),
    "shutdown": ("vaquero.sdk", "shutdown"),
    "span": ("vaquero.facade.span", "span"),
    "testing": ("vaquero.testing", ""),
    "trace": ("vaquero.facade.decorator", "trace"),
    "tracing": ("vaquero.tracing", ""),
    "up_down_counter": ("vaquero.metrics.instruments", "up_down_counter"),
}

__all__ = [
    "MissingPartError",
    "Quota",
    "SDKConfig",
    "SettingsError",
    "SpanExporter",
    "SpanProcessor",
    "VaqueroError",
    "VaqueroSDK",
    "__version__",
    "async_span",
    "child_environment",
    "configure",
    "configure_from_env",
    "continued",
    "counter",
    "extract",
    "flush",
    "gauge",
    "get_current_span",
    "get_current_span_id",
    "get_current_trace_id",
    "get_default_sdk",
    "get_global_instance",
    "histogram",
    "init",
    "inject",
    "observe_cache",
    "observe_pool",
    "set_default_sdk",
    "shutdown",
    "span",
    "testing",
    "trace",
    "tracing",
    "up_down_counter",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY_EXPORTS:
        raise AttributeError(f"module 'vaquero' has no attribute {name!r}")
    module_name, attribute = _LAZY_EXPORTS[name]
    with _runtime.loading:
        module = import_module(module_name)
    value = getattr(module, attribute) if attribute else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _start() -> Any:
    from vaquero.sdk.lifecycle import start_by_first_call

    return start_by_first_call()


# The starter stands here, at the top, so that the rooms below can start the SDK on a first call
# without importing upward.
_runtime.starter = _start
# Before anything of the SDK is imported: a limit that is no number makes that raise.
_environ.drop_invalid_limits()
