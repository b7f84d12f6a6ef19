"""Being the global tracer provider without standing in the way of the application's own.

The API lets a provider be set once. A default that starts by itself must not take that place: an
application that sets its own provider later would be refused. So ours is *offered*: it is put where
the API looks for the provider, and the once-only mark stays unused. When the application sets its
own, that one takes over, for new tracers and for those that were handed out before: a tracer of an
offered provider looks at each start whether its provider is still the global one
(:meth:`vaquero.tracing.Tracer.begin`), and the API's proxies hold such tracers.
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


def offer(provider: TracerProvider) -> bool:
    """Make this the global provider until the application sets one.

    Args:
        provider: Ours.

    Returns:
        False where that is not possible, and nothing has changed: the application has set a
        provider, an environment variable names one, or the API is built in another way than known.
    """
    if not _put(provider):
        return False
    provider.follows_global = True
    return True


def offer_disabled() -> bool:
    """Offer a provider that makes nothing at next to no cost, for a process with a disabled SDK.

    Only for ``OTEL_SDK_DISABLED``, which disables an application's own SDK as well: the tracers of
    this provider do not follow another one.

    Returns:
        As :func:`offer`.
    """
    return _put(DisabledProvider())


def _put(provider: Any) -> bool:
    """Put a provider where the API looks for it, if nobody's is there."""
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


def take(provider: TracerProvider) -> bool:
    """Make this the global provider for good, in the place of an offered or withdrawn one of ours.

    Args:
        provider: Ours.

    Returns:
        False where the application has set another one; nothing has changed then.
    """
    if _PLACE.is_set_for_good() is not True:
        trace_api.set_tracer_provider(provider)
    elif _PLACE.get(_PLACE) is None:
        # Ours was set for good and has been withdrawn: the place is ours to fill again.
        _PLACE.put(provider)
    return trace_api.get_tracer_provider() is provider


def withdraw(provider: TracerProvider) -> None:
    """Stop being the global provider, for a shutdown; an application's own stays untouched.

    Tracers of this provider that were handed out follow whatever becomes the global one.
    """
    provider.follows_global = True
    if _PLACE.get() is provider:
        _PLACE.put(None)
