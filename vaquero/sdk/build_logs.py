"""Putting the logs together: provider, bridge, uncaught exceptions, correlation."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vaquero.logs import correlation
from vaquero.logs.bridge import Bridge, BridgeThroughProvider
from vaquero.logs.libraries import install as thirdparty
from vaquero.logs.provider import LEVELS, LazyLoggerProvider
from vaquero.logs.record import LazyLogRecord
from vaquero.logs.uncaught import Uncaught
from vaquero.sdk import exporters, global_providers, providers
from vaquero.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings
    from vaquero.sdk.exporters import Components
    from vaquero.sdk.parts import Parts


def add_logs(
    parts: Parts, settings: Settings, components: Components, who: Resource, *, replaceable: bool
) -> None:
    """Add what the settings ask for to the parts of an SDK."""
    if settings["log_correlation"]:
        _correlate(parts, settings, who)
    chosen = exporters.exporters_for("logs", settings, components)
    others = [
        *components.log_processors,
        *(exporters.log_processor_for(exporter, settings) for exporter in chosen.others),
    ]
    if not chosen.pipeline and not others:
        return
    current = _Resource(who, settings)

    def make() -> Any:
        from opentelemetry.sdk._logs import LoggerProvider

        provider = LoggerProvider(resource=current(), shutdown_on_exit=False)
        if chosen.pipeline:
            provider.add_log_record_processor(providers.log_processor(settings, parts.pipeline))
        for processor in others:
            provider.add_log_record_processor(processor)
        return provider

    provider = LazyLoggerProvider(make)
    parts.logger_provider = provider
    if global_providers.make_global("logs", provider, replaceable=replaceable):
        parts.on_shutdown.append(lambda: global_providers.unset_global("logs", provider))
    if not settings["logs"]:
        return
    level = LEVELS[settings["log_level"]]
    LazyLogRecord.limits = providers.log_limits(settings)
    if others or parts.pipeline is None:
        through = BridgeThroughProvider(provider.made, level)
        parts.on_shutdown.append(through.install())
        put = thirdparty.through(provider.made)
        parts.on_shutdown.append(thirdparty.install(through, level, put))
        return
    put = parts.pipeline.put_log
    bridge = Bridge(put, current, level)
    parts.on_shutdown.append(bridge.install())
    parts.on_shutdown.append(thirdparty.install(bridge, level, put))
    scope = InstrumentationScope("vaquero", __version__)
    parts.on_shutdown.append(Uncaught(put, current, scope).install())


class _Resource:
    """Who the process is now: a forked child gets its own."""

    def __init__(self, who: Resource, settings: Settings) -> None:
        self._who = who
        self._pid = os.getpid()
        self._of_child = providers.child_resource(settings)

    def __call__(self) -> Resource:
        pid = os.getpid()
        if pid != self._pid:
            self._who, self._pid = self._of_child(self._who), pid
        return self._who


def _correlate(parts: Parts, settings: Settings, who: Resource) -> None:
    import logging

    arguments: dict[str, Any] = {"format": settings["log_format"] or correlation.FORMAT}
    if settings["log_root_level"]:
        arguments["level"] = LEVELS[settings["log_root_level"]]
    parts.on_shutdown.append(correlation.correlate(str(who.attributes.get("service.name", ""))))
    # As upstream's instrumentation does it: only where nothing is configured yet.
    logging.basicConfig(**arguments)
