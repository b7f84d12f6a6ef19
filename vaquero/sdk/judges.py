"""Which settings are judged by what builds with them, and loading settings so judged.

The build, ``vaquero config`` and ``vaquero doctor`` load them here: what one of them finds invalid
the others do, in the same words.
"""

from __future__ import annotations

import logging
import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vaquero import config
from vaquero.config import kinds
from vaquero.config.judgement import Fault, Judgement
from vaquero.config.load import Value
from vaquero.config.table import Setting
from vaquero.errors import SettingsError
from vaquero.sdk import environment, exporters, installed, pipeline_settings, sampling

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vaquero.config import Settings
    from vaquero.config.judgement import Judge


def _judge_detectors(wanted: Any, known: Mapping[str, Any]) -> Judgement:
    """Judge the names of resource detectors; what they detect is asked when the SDK is built."""
    del known
    builtin = ("otel", "service_instance", "*")
    return installed.judge_names("opentelemetry_resource_detector", wanted, builtin=builtin)


def _judge_patterns(wanted: Any, known: Mapping[str, Any]) -> Judgement:
    """Judge patterns of secrets; with one that is invalid nothing is built.

    What it should match would leave the process.
    """
    if not known["redact"]:
        return Judgement(wanted)
    try:
        return Judgement(wanted, tuple(re.compile(pattern) for pattern in wanted))
    except re.error as error:
        valid = f"regular expressions separated by commas, e.g. CUST-[0-9]+ ({error})"
        return Judgement(wanted, None, Fault(valid, "no telemetry, since secrets would be sent"))


def _judge_log_format(wanted: Any, known: Mapping[str, Any]) -> Judgement:
    """Judge the format of log lines with trace ids, as ``logging`` does where it is used."""
    if known["log_correlation"]:
        try:
            logging.Formatter(wanted)
        except ValueError as error:
            valid = f"a format of logging, e.g. %(levelname)s %(message)s ({error})"
            return Judgement(None, None, Fault(valid))
    return Judgement(wanted)


#: By setting. A setting with a kind alone is judged where it is read.
JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        # The first: it imports what other packages would fail on when they are loaded.
        "propagators": environment.judge_propagators,
        "resource_detectors": _judge_detectors,
        "traces_exporter": exporters.judge("traces"),
        "metrics_exporter": exporters.judge("metrics"),
        "logs_exporter": exporters.judge("logs"),
        "sampler": sampling.judge_sampler,
        "id_generator": sampling.judge_id_generator,
        "log_format": _judge_log_format,
        "redact_patterns": _judge_patterns,
    }
)


def load(
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """The settings that a program would be built with; what is invalid is in its problems.

    Args:
        arguments: Values given in code, by the names of the table.
        environ: The environment; the process's own by default.
        folder: Where ``pyproject.toml`` is looked for; the working directory by default.
    """
    settings = config.load(arguments, environ=environ, folder=folder, judges=JUDGES)
    if not _enabled(settings):
        return settings
    more = list(environment.unloadable(os.environ if environ is None else environ))
    declared = settings.declared
    if declared is not None and declared.views:
        from vaquero.sdk import views  # Only where a file has any.

        before = len(declared.problems)
        made = {**settings.made, "views": views.views(declared)}
        more += declared.problems[before:]
        settings = settings.with_more(made=made)
    return settings.with_more(problems=more) if more else settings


def _enabled(settings: Settings) -> bool:
    return settings["enabled"] and not settings["disabled"]


def builds(settings: Settings) -> bool:
    """Whether a program builds anything with these settings."""
    patterns = settings["redact_patterns"] if settings["redact"] else ()
    # With a pattern that is invalid, what it should match would be sent.
    return _enabled(settings) and (not patterns or "redact_patterns" in settings.made)


def load_all() -> Settings:
    """The same, with the settings of the gauges: what ``vaquero config`` and ``doctor`` show.

    A row of a gauge that does not run is shown, and not judged: nobody reads it.
    """
    from vaquero.auto_instrumentation import switches
    from vaquero.config import packages

    settings = load()
    values: dict[str, Value] = {}
    problems: list[SettingsError] = []
    if builds(settings):
        problems += switches.read().problems
    running = _gauges(settings)
    for package, row in packages.rows():
        values[row.name], invalid = _of_package(row, os.environ)
        if package in running:
            problems += invalid
    return settings.with_more(values=values, problems=problems)


def _of_package(row: Any, environ: Mapping[str, str]) -> tuple[Value, list[SettingsError]]:
    """The value that a row of another package has in this environment, and what is invalid."""
    setting = Setting(row.name, (row.env,), kinds.OBJECT, row.default, row.help, project=False)
    judged = row.judged(environ)
    problems = [
        SettingsError(one.name, one.value, source=one.source, expected=one.valid, using=one.using)
        for one in judged.problems
    ]
    if judged.source == "default":
        return Value(setting, judged.value, "default", row.name), problems
    return Value(setting, judged.value, judged.source, row.env, environ.get(row.env)), problems


def _gauges(settings: Settings) -> set[str]:
    """Entry points of the settings that a program with these settings reads."""
    from vaquero.sdk import gauges

    exported = any(name != "none" for name in settings["metrics_exporter"])
    if not (builds(settings) and settings["gauges"] and exported):
        return set()
    names = gauges.enabled()
    return {"common", *names} if names else set()


def unusable_destinations(settings: Settings) -> list[str]:
    """Why signals cannot be sent to where these settings say, without connecting there."""
    from vaquero.pipeline import messages
    from vaquero.pipeline.settings import SIGNALS
    from vaquero.pipeline.transport.choice import make_transport

    if not builds(settings):
        return []
    wanted = pipeline_settings.from_settings(settings)
    lines: list[str] = []
    for signal in SIGNALS:
        destination = wanted.destination(signal)
        if destination is None:
            continue
        try:
            make_transport(signal, destination, wanted).close()
        except (ValueError, OSError, ImportError) as error:
            lines.append(messages.unusable_text(signal, destination, error))
    return lines
