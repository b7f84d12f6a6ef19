"""What the tests of the runtime's gauges share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from vaquero_instrumentation_runtime import RuntimeInstrumentor


@pytest.fixture
def start(make_provider: Any, instrumented: Any) -> Callable[..., Any]:
    """Instrument the runtime; returns the provider."""

    def run(**arguments: Any) -> Any:
        provider = make_provider(readers=arguments.pop("readers", 1))
        instrumented(RuntimeInstrumentor, meter_provider=provider.provider, **arguments)
        return provider

    return run
