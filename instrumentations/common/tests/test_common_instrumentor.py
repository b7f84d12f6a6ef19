"""The instrumentor that is a table: one of upstream's, without loading upstream's."""

from __future__ import annotations

import subprocess
import sys

import pytest

PACKAGES = ("system", "container", "process", "runtime")

PROBE = """
import importlib, sys
import opentelemetry.metrics  # Older ones load the readers of metadata by themselves.
before = set(sys.modules)
module = importlib.import_module("vaquero_instrumentation_{package}")
kind = module.{title}Instrumentor
made = kind()
heavy = ("opentelemetry.instrumentation.instrumentor", "wrapt", "packaging", "asyncio",
         "importlib.metadata", "email", "http.client")
loaded = [name for name in heavy if name in sys.modules and name not in before]
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
print(loaded, isinstance(kind(), BaseInstrumentor), issubclass(kind, BaseInstrumentor),
      kind() is made, made.is_instrumented_by_opentelemetry)
made.instrument(skip_dep_check=True)
told = made.is_instrumented_by_opentelemetry
made.instrument()
made.uninstrument()
made.uninstrument()
print(told, made.is_instrumented_by_opentelemetry, list(made.instrumentation_dependencies()))
"""


def _said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("package", PACKAGES)
def test_it_passes_for_upstreams_base_class_without_loading_it(package: str) -> None:
    """An instrumentor loads nothing heavy, is one object, and is upstream's once that is there."""
    said = _said(PROBE.format(package=package, title=package.title()))

    assert said == ["[] True True True False", "True False []"]


def test_it_is_known_at_once_where_upstream_is_loaded_first() -> None:
    """Under `opentelemetry-instrument` the class passes before any object is made."""
    said = _said(
        "from opentelemetry.instrumentation.instrumentor import BaseInstrumentor\n"
        "from vaquero_instrumentation_system import SystemInstrumentor\n"
        "print(issubclass(SystemInstrumentor, BaseInstrumentor))"
    )

    assert said == ["True"]
