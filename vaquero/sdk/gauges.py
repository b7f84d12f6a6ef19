"""Starting vaquero's own gauges: host, container, process and runtime, each exactly once."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaquero import _log
from vaquero.auto_instrumentation import switches

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaquero.metrics.provider import MeterProvider

#: Of ``switches.OWN_GAUGES``, those that describe the host rather than this process.
OF_HOST = frozenset({"system", "container"})


def start(
    meter_provider: MeterProvider, host_meter_provider: MeterProvider, destination: str
) -> list[Callable[[], None]]:
    """Start every gauge package that is installed and not disabled; never raises.

    Args:
        meter_provider: For what this process is.
        host_meter_provider: For what the host is: its resource has no ``service.instance.id``.
        destination: Where metrics go. Of the processes of a user that send to one place, one
            emits the host's series.

    Returns:
        Calls that silence them again.
    """
    stops: list[Callable[[], None]] = []
    for name in enabled():
        provider = host_meter_provider if name in OF_HOST else meter_provider
        stop = _start_one(name, provider, destination)
        if stop is not None:
            stops.append(stop)
    return stops


def enabled() -> tuple[str, ...]:
    """The names of those that nobody switched off."""
    chosen = switches.read()
    switches.warn_of(chosen)
    return tuple(name for name in switches.OWN_GAUGES if chosen.off_by(name) is None)


def _start_one(name: str, provider: MeterProvider, destination: str) -> Callable[[], None] | None:
    # By the module's name: to look through the entry points of everything that is installed takes
    # as long as all four together, and others may have taken these names there.
    package = f"vaquero_instrumentation_{name}"
    try:
        instrumentor: Any = getattr(import_module(package), f"{name.title()}Instrumentor")()
        instrumentor.instrument(
            meter_provider=provider, host_lock_key=destination, skip_dep_check=True
        )
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            return None  # It is not installed.
        _log.warn(f"gauges:{name}", "the gauges of %r are left out: %r", name, error)
        return None
    return instrumentor.uninstrument
