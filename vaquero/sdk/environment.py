"""Settings of the whole process: propagators, log levels, and what the environment may hold."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from vaquero.config import kinds
from vaquero.config.judgement import Judgement
from vaquero.config.table import SETTINGS
from vaquero.errors import SettingsError
from vaquero.sdk import installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaquero.config import Settings
    from vaquero.config.table import Setting

_PROPAGATORS = "OTEL_PROPAGATORS"
_DEFAULT_PROPAGATORS = ("tracecontext", "baggage")

#: Variables by whose value the API loads something, the group of that, and what holds else.
_LOADED_BY_API = (
    ("OTEL_PYTHON_CONTEXT", "opentelemetry_context", "contextvars_context"),
    ("OTEL_PYTHON_TRACER_PROVIDER", "opentelemetry_tracer_provider", "vaquero's"),
    ("OTEL_PYTHON_METER_PROVIDER", "opentelemetry_meter_provider", "vaquero's"),
    ("OTEL_PYTHON_LOGGER_PROVIDER", "opentelemetry_logger_provider", "vaquero's"),
)

_LEVELS = {
    "trace": 5,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
}


def set_propagators(settings: Settings) -> None:
    """Set the global propagator by name where names were given."""
    names: tuple[str, ...] | None = settings["propagators"]
    if names is None:
        return
    usable: Mapping[str, Any] = {}
    if not any(name.lower() == "none" for name in names):
        usable = settings.made.get("propagators") or _judge_names(_DEFAULT_PROPAGATORS).made
    if tuple(usable) != names and _PROPAGATORS in os.environ:
        os.environ[_PROPAGATORS] = ",".join(usable) or "none"
    from opentelemetry import propagate
    from opentelemetry.propagators.composite import CompositePropagator

    propagate.set_global_textmap(CompositePropagator(list(usable.values())))


def _judge_names(names: tuple[str, ...]) -> Judgement:
    return installed.judge_names(
        "opentelemetry_propagator",
        names,
        builtin={name for name in names if name.lower() == "none"} | {"none"},
        make=lambda found: found(),
        using=",".join(_DEFAULT_PROPAGATORS),
    )


def judge_propagators(wanted: Any, known: Mapping[str, Any]) -> Judgement:
    """Judge and make propagators by their names; the default ones where none can be had."""
    del known
    judgement = _judge_names(wanted)
    if judgement.fault is None:
        return judgement
    if _import_propagate():
        judgement = _judge_names(wanted)
    if judgement.fault is not None and judgement.value is None:
        judgement = _judge_names(_DEFAULT_PROPAGATORS)._replace(fault=judgement.fault)
    return judgement


def _import_propagate() -> bool:
    """Import ``opentelemetry.propagate`` as if its variable were not set.

    It raises on a name in the variable that it cannot load, and so does each package that imports
    it, such as another propagator: none of them would be judged by what it is itself.

    Returns:
        Whether it was imported here.
    """
    written = os.environ.get(_PROPAGATORS)
    if written is None or "opentelemetry.propagate" in sys.modules:
        return False
    del os.environ[_PROPAGATORS]
    try:
        importlib.import_module("opentelemetry.propagate")
    finally:
        os.environ[_PROPAGATORS] = written
    return True


def unloadable(environ: Mapping[str, str]) -> Iterator[SettingsError]:
    """Names that the API loads by itself, and that no installed package has."""
    for name, group, using in _LOADED_BY_API:
        wanted = environ.get(name, "").strip()
        if not wanted:
            continue
        from importlib.metadata import entry_points

        if not list(entry_points(group=group, name=wanted)):
            valid = f"the name of an installed one, e.g. {installed.names(group) or 'none is'}"
            yield SettingsError(
                name, wanted[:80], source="environment", expected=valid, using=using
            )


def apply_log_level(settings: Settings) -> None:
    """``OTEL_LOG_LEVEL`` for vaquero and the SDK; ``debug`` makes the logger ``vaquero`` talk."""
    if settings["sdk_log_level"]:
        level = _LEVELS[settings["sdk_log_level"]]
        for name in ("vaquero", "opentelemetry"):
            logging.getLogger(name).setLevel(level)
    if settings["debug"]:
        logging.getLogger("vaquero").setLevel(logging.DEBUG)


def drop_invalid_environment(settings: Settings) -> None:
    """Take invalid ``OTEL_*`` values out of this process's environment; they were logged before.

    Parts of the SDK read some variables themselves, and raise into the application on what they
    cannot parse. Names of what is not installed stay, for processes that this one starts; but for
    propagators, on which the import of the API fails.
    """
    rows = {name: row for row in SETTINGS for name in row.env}
    for problem in settings.problems:
        if problem.source == "environment" and problem.name.startswith("OTEL_"):
            row = rows.get(problem.name)
            if row is None or not _readable(row, os.environ.get(problem.name, "")):
                os.environ.pop(problem.name, None)
    _drop_invalid_propagators(settings)
    if settings.declared is not None:
        # Instrumentations, and parts of the SDK, know no other way to hear of these.
        os.environ.update(settings.declared.environ)


def _drop_invalid_propagators(settings: Settings) -> None:
    """Leave the names that can be loaded, whichever source holds here: the API reads its own."""
    names = kinds.NAMES.parse(os.environ.get(_PROPAGATORS, ""))
    if not names or names == settings["propagators"]:
        return
    judgement = judge_propagators(names, settings)
    if judgement.fault is not None:
        os.environ[_PROPAGATORS] = ",".join(judgement.value)


def _readable(row: Setting, value: str) -> bool:
    try:
        row.kind.parse(value)
    except Exception:
        return False
    return True
