"""Handing a trace on by hand: to a message, to a subprocess, and from either.

Libraries with an instrumentation do this by themselves. The format is that of the global
propagator, W3C trace context and baggage by default.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
from collections.abc import Generator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage as baggage_api
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor

from vaquero import _guard
from vaquero._context import attach, detach_quietly
from vaquero.values import freeze

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

#: Set for a child by :func:`child_environment`: its first spans belong to the parent's span.
JOIN = "VAQUERO_JOIN"


def inject(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Write the current span and baggage into headers or a message's properties.

    Args:
        carrier: What to write into; a new dict by default.

    Returns:
        The carrier. Never raises.
    """
    found: MutableMapping[str, str] = {} if carrier is None else carrier
    try:
        propagate.inject(found)
    except Exception as error:  # A propagator is somebody else's code.
        _guard.report(error, "inject")
    return found


def extract(carrier: Mapping[str, str]) -> Context:
    """Read what :func:`inject` wrote; an empty context where nothing usable is there.

    Args:
        carrier: Headers in any case, or a message's properties.
    """
    try:
        low = {str(key).lower(): value for key, value in carrier.items()}
        return propagate.extract(low, context=Context())
    except Exception as error:
        _guard.report(error, "extract")
        return Context()


@contextlib.contextmanager
def continued(carrier: Mapping[str, str]) -> Generator[Context, None, None]:
    """Spans made in this block belong to the trace that the carrier brings.

    ::

        with vaquero.continued(message.headers), vaquero.span("handle"):
            ...

    Args:
        carrier: As for :func:`extract`.
    """
    context = extract(carrier)
    token = attach(context)
    try:
        yield context
    finally:
        detach_quietly(token)


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment for a subprocess whose first spans belong to the current one.

    ::

        subprocess.run(command, env=vaquero.child_environment())

    Args:
        environ: What to start from; the process's own by default. It is copied, not changed.
    """
    own = dict(os.environ if environ is None else environ)
    carried = inject()
    if carried:
        own.update({key.upper().replace("-", "_"): value for key, value in carried.items()})
        own[JOIN] = "true"
    return own


def join_parent(environ: Mapping[str, str]) -> None:
    """At the start of a process: make the parent's span the current one, where it asked for it.

    Args:
        environ: The process's environment.
    """
    if environ.get(JOIN, "").lower() != "true":
        return
    carried = {
        key.lower().replace("_", "-"): environ[key]
        for key in ("TRACEPARENT", "TRACESTATE", "BAGGAGE", "B3", "UBER_TRACE_ID")
        if key in environ
    }
    context = extract(carried)
    if context:
        attach(context)


class BaggageProcessor(SpanProcessor):
    """Copies named entries of the baggage to each span as attributes.

    Baggage can come from anybody; so only what is named is taken.

    Args:
        patterns: Keys, with ``*`` and ``?`` as in a shell.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Set the attributes."""
        entries: Mapping[str, Any] = baggage_api.get_all(parent_context)
        for key, value in entries.items():
            if any(fnmatch.fnmatchcase(key, pattern) for pattern in self._patterns):
                span.set_attribute(key, freeze(value))  # type: ignore[arg-type]
