"""Put our provider in the place of the SDK's; a pytest plugin and a ``sitecustomize`` in one.

The runner copies this file into the environment of the SDK's tests, where it must not depend on
anything but ``vaquero.tracing``.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_reload = importlib.reload


def substitute() -> None:
    """From now on ``opentelemetry.sdk.trace`` has our provider and tracer."""
    sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
    provider: Any = importlib.import_module("vaquero.tracing.provider")
    tracer: Any = importlib.import_module("vaquero.tracing.tracer")
    sdk.TracerProvider = provider.TracerProvider
    sdk.Tracer = tracer.Tracer


def reload(module: Any) -> Any:
    """``importlib.reload``; where it makes new classes of the SDK, ours are made on them anew."""
    made = _reload(module)
    if module.__name__ == "opentelemetry.sdk.trace":
        for name in [name for name in sys.modules if name.startswith("vaquero.tracing")]:
            del sys.modules[name]
        substitute()
    return made


def pytest_runtest_setup(item: Any) -> None:
    """Each test counts as a process of its own: what was said before is forgotten."""
    importlib.import_module("vaquero._log").reset()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show that it was our provider that the tests have used."""
    sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
    terminalreporter.write_line(f"provider under test: {sdk.TracerProvider.__module__}")


importlib.reload = reload
substitute()
