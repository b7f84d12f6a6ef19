"""The API's global tracer provider, set without standing in the way of the application's own.

The API lets a provider be set once. A default that starts by itself must not take that place: an
application that sets its own provider later would be refused. So ours is set as a *default*: it is
put where the API looks for the provider, and the API's once-only mark stays unused. When the
application sets its own, that one takes over, for new tracers and for those that were handed out
before: a tracer of a default provider looks at each start of a span whether its provider is still
the global one (:meth:`vaquero.tracing.Tracer.begin`), and the API's proxies hold such tracers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER

from vaquero import _upstream
from vaquero.tracing.disabled import DisabledProvider

if TYPE_CHECKING:
    from vaquero.tracing.provider import TracerProvider

_PLACE = _upstream.PROVIDERS["traces"]


def set_default(provider: TracerProvider) -> bool:
    """Make this the global provider until the application sets one.

    Args:
        provider: Ours.

    Returns:
        False where that is not possible, and nothing has changed: the application has set a
        provider, an environment variable names one, or the API is of an unknown version.
    """
    if not _set(provider):
        return False
    provider.follows_global = True
    return True


def set_disabled_default() -> bool:
    """The same with a provider that makes no spans and costs next to nothing.

    Only for ``OTEL_SDK_DISABLED``, which disables an application's own SDK as well: the tracers of
    this provider do not follow another one.

    Returns:
        As :func:`set_default`.
    """
    return _set(DisabledProvider())


def _set(provider: Any) -> bool:
    """Put a provider where the API looks for it, unless one is there already."""
    if _PLACE.is_set_for_good() is not False or OTEL_PYTHON_TRACER_PROVIDER in os.environ:
        return False
    before = _PLACE.get(_PLACE)
    if before is not None and not isinstance(before, DisabledProvider):
        return False
    _PLACE.put(provider)
    if trace_api.get_tracer_provider() is not provider:
        _PLACE.put(before)
        return False
    return True


def set_final(provider: TracerProvider) -> bool:
    """Make this the global provider for good, in the place of a default of vaquero or of none.

    Args:
        provider: Ours.

    Returns:
        False where the application has set another one; nothing has changed then.
    """
    if _PLACE.is_set_for_good() is not True:
        trace_api.set_tracer_provider(provider)
    elif _PLACE.get(_PLACE) is None:
        # Ours was set for good and then unset: the once-only mark is ours, and it can be set again.
        _PLACE.put(provider)
    return trace_api.get_tracer_provider() is provider


def unset(provider: TracerProvider) -> None:
    """Stop being the global provider, for a shutdown; an application's own stays untouched.

    Tracers of this provider that were handed out follow whatever becomes the global one.
    """
    provider.follows_global = True
    if _PLACE.get() is provider:
        _PLACE.put(None)
