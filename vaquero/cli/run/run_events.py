"""A run: its id, which all telemetry below carries, and two log events, at its start and its end.

The events go the road of the program's own log records, so they arrive wherever these arrive;
``docs/reference/runs.md`` describes both.
"""

from __future__ import annotations

import logging
import shlex
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaquero import _guard

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from vaquero.config import Settings
    from vaquero.pipeline import Pipeline

VARIABLE = "VAQUERO_RUN_ID"

#: Set by every ``vaquero run`` for what it starts: where it is set already, this run is inside one.
_INSIDE = "VAQUERO_RUN_LINES"

_SENT_WITHIN_S = 1.5


def begin(words: Sequence[str], environ: MutableMapping[str, str]) -> RunEvents | None:
    """Give the program below a run id; to be called before anything else changes its environment.

    Args:
        words: The command, as typed.
        environ: The program's environment, changed in place. An id that is set there is kept.

    Returns:
        The run, whose start and end are to be told; None inside another run, which tells of both.
    """
    is_inside = bool(environ.get(VARIABLE)) and _INSIDE in environ
    if not environ.get(VARIABLE, "").strip():
        environ[VARIABLE] = str(uuid.uuid4())
    return None if is_inside else RunEvents(words, environ)


class RunEvents:
    """Tells of the start and the end of a run.

    Args:
        words: The command, as typed; what is secret in it is taken out.
        environ: The program's environment: says where to, as what, and which run.
    """

    def __init__(self, words: Sequence[str], environ: MutableMapping[str, str]) -> None:
        self._words = words
        self._environ = environ
        self._pipeline: Pipeline | None = None
        self._resource: Any = None
        self._id: str | None = None

    @_guard.quiet(None)
    def start(self) -> None:
        """Send the event ``vaquero.run.start``; never raises, never waits."""
        from vaquero import config
        from vaquero.cli.run.revision import read_revision
        from vaquero.redaction import redact_text
        from vaquero.sdk import pipeline_settings

        settings = config.load(environ=self._environ)
        self._id = settings["run_id"]
        if not self._id:
            return  # What was set is no id; the program says so.
        self._resource = _resource(settings, self._words, self._environ)
        self._pipeline = pipeline_settings.make_pipeline(settings)
        command = redact_text(shlex.join(self._words))
        attributes: dict[str, Any] = {"process.command_line": command}
        revision = read_revision(Path.cwd())
        if revision is not None:
            attributes["vcs.ref.head.revision"] = revision.commit
            if revision.branch:
                attributes["vcs.ref.head.name"] = revision.branch
        self._put("vaquero.run.start", f"run started: {command}", attributes)

    @_guard.quiet(None)
    def end(self, code: int) -> None:
        """Send the event ``vaquero.run.end`` and wait until both are taken, 1.5 s at most.

        Args:
            code: The program's exit code, as a shell has it.
        """
        if self._pipeline is None:
            return
        self._put(
            "vaquero.run.end", f"run ended with exit code {code}", {"process.exit.code": code}
        )
        self._pipeline.shutdown(_SENT_WITHIN_S)

    def _put(self, name: str, body: str, attributes: Mapping[str, Any]) -> None:
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        from vaquero.logs.record import LazyLogRecord
        from vaquero.version import __version__

        if self._pipeline is not None:
            self._pipeline.put_log(
                LazyLogRecord(
                    timestamp=time.time_ns(),
                    level=logging.INFO,
                    severity_text="INFO",
                    body=body,
                    resource=self._resource,
                    scope=InstrumentationScope("vaquero.run", __version__),
                    attributes={"vaquero.run.id": self._id, **attributes},
                    event_name=name,
                )
            )


def _resource(settings: Settings, words: Sequence[str], environ: Mapping[str, str]) -> Any:
    """Of the service that is run, without what tells one process of it from another."""
    from vaquero import resource

    more = {
        "service.name": resource.service_name(settings, environ, command=words),
        "vaquero.run.id": settings["run_id"],
    }
    return resource.build(settings, host_only=True, extra=more, environ=environ)
