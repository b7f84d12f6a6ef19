"""Peers to compare with, where they are installed, pointed at the sink."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
from collections.abc import Callable
from typing import Any

from opentelemetry import trace


def logfire(endpoint: str, mode: str) -> tuple[Any, Callable[[], Any]]:
    """logfire, sending OTLP to the sink instead of its service."""
    module = importlib.import_module("logfire")
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    module.configure(send_to_logfire=False, console=False)
    return trace.get_tracer("bench"), module.force_flush


class _Block:
    """A peer's span behind the methods that the workloads use, and no more than these."""

    __slots__ = ("_attributes", "_name", "_open", "_set", "_span")

    def __init__(self, opened: Any, setter: str, name: str, attributes: Any) -> None:
        self._open = opened
        self._set = setter
        self._name = name
        self._attributes = attributes

    def __enter__(self) -> _Block:
        self._span = self._open(self._name).__enter__()
        for key, value in (self._attributes or {}).items():
            getattr(self._span, self._set)(key, value)
        return self

    def __exit__(self, *error: Any) -> None:
        self._span.__exit__(*error)

    def __call__(self, function: Any) -> Any:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited() -> Any:
                with self._open(self._name):
                    return await function()

            return awaited

        @functools.wraps(function)
        def called() -> Any:
            with self._open(self._name):
                return function()

        return called

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute, by the peer's own name for that."""
        getattr(self._span, self._set)(key, value)

    def add_event(self, name: str, attributes: Any) -> None:
        """Peers without events set attributes instead."""
        for key, value in attributes.items():
            getattr(self._span, self._set)(f"{name}.{key}", value)


class _Tracer:
    """A peer's way to open spans, as a tracer."""

    def __init__(self, opened: Any, setter: str) -> None:
        self._open = opened
        self._set = setter

    def start_as_current_span(self, name: str, attributes: Any = None) -> _Block:
        """A block with a span of the peer's."""
        return _Block(self._open, self._set, name, attributes)


def ddtrace(endpoint: str, mode: str) -> tuple[Any, Callable[[], Any]]:
    """Ddtrace with the sink as its agent."""
    os.environ["DD_TRACE_AGENT_URL"] = endpoint
    os.environ["DD_INSTRUMENTATION_TELEMETRY_ENABLED"] = "false"
    os.environ["DD_REMOTE_CONFIGURATION_ENABLED"] = "false"
    tracer = importlib.import_module("ddtrace.trace").tracer
    return _Tracer(tracer.trace, "set_tag"), tracer.flush


def sentry(endpoint: str, mode: str) -> tuple[Any, Callable[[], Any]]:
    """sentry-sdk with the sink as its service, without integrations."""
    module = importlib.import_module("sentry_sdk")
    address = endpoint.replace("http://", "http://key@") + "/1"
    module.init(dsn=address, traces_sample_rate=1.0, default_integrations=False)

    def opened(name: str) -> Any:
        return module.start_span(name=name, op="work")

    return _Tracer(opened, "set_data"), module.flush
