"""The two entry points of the distribution: what is set up, and what is instrumented.

Upstream's launcher (``opentelemetry-instrument``) and ``vaquero run`` load :class:`VaqueroDistro`
first, then :class:`VaqueroConfigurator`, then hand every instrumentor to the distro.
"""

from __future__ import annotations

import functools
import logging
import os
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.distro import BaseDistro
from vaquero_instrumentation_common.import_hooks import when_imported

from vaquero import _guard, _log, _upstream
from vaquero.auto_instrumentation import django, switches

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: What our SDK sends itself, under the same variables: both would send each record twice.
OWN_RECORDS = frozenset({"logging", "exceptions"})

#: Whether our configurator set up this process, and with it the gauges.
_configured = False


class VaqueroDistro(BaseDistro):
    """Sets defaults, and loads instrumentors one by one so that none can stop the next."""

    def _configure(self, **kwargs: Any) -> None:
        del kwargs
        logging.getLogger(_upstream.LAUNCHER_LOGGER).addFilter(_is_a_fault)
        when_imported("gevent", _choose_gevent_loop)
        switches.prefer_current_conventions(os.environ)
        os.environ.setdefault("OTEL_PYTHON_CONFIGURATOR", "vaquero")
        if os.environ["OTEL_PYTHON_CONFIGURATOR"] == "vaquero":
            return
        # Another configurator exports nothing unless a variable says so.
        for signal in ("TRACES", "METRICS", "LOGS"):
            os.environ.setdefault(f"OTEL_{signal}_EXPORTER", "otlp")

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Instrument one library; a failure is one line and the next one follows.

        Args:
            entry_point: Of the group ``opentelemetry_instrumentor``.
            **kwargs: Handed on to ``instrument``.
        """
        if _is_done_by_our_sdk(entry_point) or switches.off_by(entry_point.name):
            return
        if django.must_wait(entry_point.name, os.environ):
            load = functools.partial(self._load_later, entry_point, **kwargs)
            django.when_settings_are_known(load)
            return
        self._load(entry_point, **kwargs)

    @_guard.quiet(None)
    def _load_later(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        self._load(entry_point, **kwargs)

    def _load(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except (ModuleNotFoundError, DependencyConflictError):
            raise  # The launcher passes over these quietly: the library is not installed.
        except (Exception, SystemExit) as error:
            _log.warn(
                f"instrumentor:{entry_point.name}",
                "The instrumentation %r failed and is skipped (%s). "
                "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=%s leaves it out.",
                entry_point.name,
                _guard.describe(error),
                entry_point.name,
            )


class VaqueroConfigurator(_upstream.OTelSDKConfigurator):
    """Sets up all providers as the global ones, on the pipeline of vaquero.

    Takes the arguments of upstream's configurator (exporter names, ``sampler``,
    ``resource_attributes``, ``id_generator``, ``span_processors`` and so on). The file of
    ``OTEL_CONFIG_FILE`` is read with the settings. Never raises: an exception here would keep the
    launcher from instrumenting anything.
    """

    def _configure(self, **kwargs: Any) -> None:
        global _configured
        try:
            self._configure_ours(kwargs)
            _configured = True
        except Exception as error:
            _guard.report(error, "the configurator")

    def _configure_ours(self, arguments: dict[str, Any]) -> None:
        from vaquero import run_lines

        # Before the SDK exists: what is registered first runs last, when all has been sent.
        run_lines.register()
        from vaquero.sdk import configure_from_entry_point

        configure_from_entry_point(**arguments)
        run_lines.print_start_line()


def _is_done_by_our_sdk(entry_point: EntryPoint) -> bool:
    """Whether ours does the same in this process: its readings, its log records."""
    if entry_point.value.startswith("vaquero_instrumentation_"):
        return _configured and entry_point.name in switches.OWN_GAUGES
    if entry_point.name in OWN_RECORDS:
        return _configured and entry_point.value.startswith("opentelemetry.instrumentation.")
    # The same readings under other names, and at ten times the cost.
    return entry_point.name == "system_metrics" and entry_point.value.startswith(
        "opentelemetry.instrumentation.system_metrics"
    )


def _choose_gevent_loop(gevent: Any) -> None:
    """Let gevent choose its event loop when it is imported, and not when it is first needed.

    Choosing imports modules, and once gevent has patched the locks of Python each thread that waits
    needs a hub, which asks for the choice: threads of ours that ran before the patching, two of
    them at the same moment, would wait for each other's import for ever.
    """
    try:
        for name in ("loop", "libev_backend", "format_context"):
            getattr(gevent.config, name)
    except Exception as error:
        _log.info("gevent's settings cannot be read: %s", _guard.describe(error))


def _is_a_fault(record: logging.LogRecord) -> bool:
    # "Configuration of X not loaded": at each start, where a second distribution is installed,
    # although one was chosen.
    return not str(record.msg).startswith(_upstream.LAUNCHER_NOT_LOADED)
