"""Making providers the API's global ones, for good or replaceable, for each signal.

For good takes the API's once-only place, as ``set_meter_provider`` does. A replaceable provider
does not: an application that sets its own later succeeds. For traces
``vaquero.tracing.global_provider`` does it.
"""

from __future__ import annotations

import weakref
from typing import Any

from opentelemetry import metrics as metrics_api

from vaquero._upstream import PROVIDERS, ProxyMeter, ProxyMeterProvider, proxy_meter_provider
from vaquero.tracing import global_provider
from vaquero.tracing.provider import TracerProvider

#: Providers that vaquero itself made: whatever else stands in the API's place is the host's.
_ours: weakref.WeakSet[Any] = weakref.WeakSet()


def set_by_application(signal: str) -> Any:
    """The provider that the application itself set for this signal; None where it set none."""
    current = PROVIDERS[signal].get()
    return None if current is None or current in _ours else current


def supports_replaceable(signal: str) -> bool:
    """Whether this API version lets a provider stand in the place without taking it for good."""
    return PROVIDERS[signal].is_known()


def make_global(signal: str, provider: Any, *, replaceable: bool) -> bool:
    """Make a provider of ours the global one of its signal.

    Args:
        signal: ``traces``, ``metrics`` or ``logs``.
        provider: Ours.
        replaceable: Leave the once-only place open for the application.

    Returns:
        False where the application's own provider stands there, or the API does not allow it.
    """
    if set_by_application(signal) is not None or not supports_replaceable(signal):
        return False
    place = PROVIDERS[signal]
    _ours.add(provider)
    if isinstance(provider, TracerProvider):
        return (
            global_provider.set_default(provider)
            if replaceable
            else global_provider.set_final(provider)
        )
    if signal == "metrics" and replaceable:
        return _set_replaceable_meters(provider)
    if not replaceable:
        place.set_for_good()
    place.put(provider)
    _notify_proxies(signal, provider)
    return True


def unset_global(signal: str, provider: Any) -> None:
    """Stop being the global provider, for a shutdown; what the application set stays."""
    if isinstance(provider, TracerProvider):
        global_provider.unset(provider)
    elif PROVIDERS[signal].get() is provider:
        PROVIDERS[signal].put(None)


def _notify_proxies(signal: str, provider: Any) -> None:
    # Meters handed out before have no instruments until they are told; tracers and loggers ask.
    if signal == "metrics":
        proxy = proxy_meter_provider()
        if proxy is not None:
            proxy.on_set_meter_provider(provider)


class _FollowingMeters(ProxyMeterProvider):
    """Hands out only proxies, so that every meter follows a provider that is set later.

    The API's own proxy provider hands out real meters once it has a provider behind it; those
    would stay with a replaceable provider for good.
    """

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> metrics_api.Meter:
        with self._lock:
            meter = ProxyMeter(name, version=version, schema_url=schema_url)
            self._meters.append(meter)
            real = self._real_meter_provider
            if real is not None:
                meter.on_set_meter_provider(real)
            return meter


def _set_replaceable_meters(provider: Any) -> bool:
    proxy = proxy_meter_provider()
    if proxy is None or type(proxy) not in (
        ProxyMeterProvider,
        _FollowingMeters,
    ):
        return False
    proxy.__class__ = _FollowingMeters
    proxy.on_set_meter_provider(provider)
    return True
