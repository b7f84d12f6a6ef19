"""By what a signal is exported."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vaquero import _log, config
from vaquero.sdk import judges
from vaquero.sdk.exporters import Components, exporters_for


def test_exporters_given_stand_in_place_of_otlp() -> None:
    """An exporter object takes its signal; with an endpoint named both get it."""
    components = Components(exporters=(InMemorySpanExporter(),))
    alone = exporters_for("traces", config.load({}, environ={}), components)
    both = exporters_for("traces", config.load({"endpoint": "http://a:1"}, environ={}), components)
    logs = exporters_for("logs", config.load({}, environ={}), components)

    assert (alone.pipeline, len(alone.others)) == (False, 1)
    assert (both.pipeline, len(both.others)) == (True, 1)
    assert (logs.pipeline, logs.others) == (True, ())


def test_an_exporter_that_cannot_be_made_silences_nothing() -> None:
    """What a package raises is logged, and OTLP carries the signal."""
    settings = judges.load({"traces_exporter": "console"}, environ={})

    def broken(**arguments: object) -> object:
        raise OSError("taken")

    settings = settings.with_more(made={"traces_exporter": {"console": broken}})
    chosen = exporters_for("traces", settings, Components())

    assert (chosen.pipeline, chosen.others) == (True, ())


def test_names_given_in_code_are_judged_in_the_same_words(caplog: pytest.LogCaptureFixture) -> None:
    """A launcher's unknown name is one line with the valid ones; the settings hold."""
    _log.reset()
    components = Components(names={"logs": ("console", "nope")})
    chosen = exporters_for("logs", config.load({}, environ={}), components)

    assert (chosen.pipeline, len(chosen.others)) == (True, 1)
    assert "log_exporter_names='console,nope' (from argument) is invalid; valid: some of" in (
        caplog.text
    )
    assert "; using console." in caplog.text
