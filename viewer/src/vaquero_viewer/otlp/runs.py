"""Runs: which one a resource belongs to, and what its telemetry says about it.

A run is one execution of a program, with all its processes. Its id is the resource attribute
``vaquero.run.id``; where there is none, ``service.instance.id`` is, so that the telemetry of any
OpenTelemetry SDK is kept apart by process. What has neither belongs to no run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

RUN_ID = "vaquero.run.id"
INSTANCE_ID = "service.instance.id"
RUN_START = "vaquero.run.start"
RUN_END = "vaquero.run.end"

SOURCES = (INSTANCE_ID, RUN_ID, "event")
"""What a run is known from, the weakest first."""

_MAX_TEXT = 4096
_EXIT_CODES = range(-(2**31), 2**31)


@dataclass
class Run:
    """What is known about one run; times are nanoseconds since the epoch.

    Attributes:
        run_id: What tells the run apart.
        service_name: The service that its start names, else the first that sent anything.
        command: The command line.
        start_ns: When it started, by its start event.
        end_ns: When it ended, by its end event; ``None`` while it runs, and after a kill.
        exit_code: Of its end event.
        revision: The commit of the program's repository.
        branch: The branch of the program's repository.
        host_name: The machine.
        source: One of :data:`SOURCES`.
        first_seen_ns: When its first record arrived.
        last_seen_ns: When its last record arrived.
    """

    run_id: str
    service_name: str
    command: str | None
    start_ns: int | None
    end_ns: int | None
    exit_code: int | None
    revision: str | None
    branch: str | None
    host_name: str | None
    source: str
    first_seen_ns: int
    last_seen_ns: int

    def merge(self, other: Run) -> bool:
        """Take in what another piece of telemetry says.

        Of several start events the earliest counts, and what it says stands above all else; of
        several end events the latest counts. Otherwise what was known first stays.

        Returns:
            Whether anything but the time of the last arrival changed.
        """
        before = replace(self)
        starts = _starts_before(other, self)
        if starts:
            self.start_ns, self.service_name = other.start_ns, other.service_name
        for name in ("command", "revision", "branch", "host_name"):
            its = getattr(other, name)
            if its is not None and (starts or getattr(self, name) is None):
                setattr(self, name, its)
        if other.end_ns is not None and (self.end_ns is None or other.end_ns > self.end_ns):
            self.end_ns, self.exit_code = other.end_ns, other.exit_code
        if SOURCES.index(other.source) > SOURCES.index(self.source):
            self.source = other.source
        self.first_seen_ns = min(self.first_seen_ns, other.first_seen_ns)
        self.last_seen_ns = max(self.last_seen_ns, other.last_seen_ns)
        before.last_seen_ns = self.last_seen_ns
        return before != self


RUN_FIELDS = tuple(field.name for field in fields(Run))


def run_of_resource(attributes: Mapping[str, Any], service: str, received_ns: int) -> Run | None:
    """The run that a resource belongs to, ``None`` if it names none.

    Args:
        attributes: The attributes of the resource.
        service: Its service name.
        received_ns: When the telemetry arrived, nanoseconds since the epoch.
    """
    source = RUN_ID if _text(attributes, RUN_ID) else INSTANCE_ID
    run_id = _text(attributes, source)
    if run_id is None:
        return None
    return _run(run_id, service, source, attributes, received_ns)


def run_of_event(
    name: str,
    attributes: Mapping[str, Any],
    of_resource: Run | None,
    service: str,
    time_ns: int,
    received_ns: int,
) -> Run | None:
    """What a ``vaquero.run.start`` or ``vaquero.run.end`` event says; ``None`` for another one.

    Args:
        name: Name of the event.
        attributes: Attributes of the event.
        of_resource: The run of its resource.
        service: The service name of its resource.
        time_ns: When it happened, nanoseconds since the epoch.
        received_ns: When it arrived, likewise.
    """
    if name not in (RUN_START, RUN_END):
        return None
    run_id = _text(attributes, RUN_ID) or (of_resource.run_id if of_resource else None)
    if run_id is None:
        return None
    run = _run(run_id, service, "event", attributes, received_ns)
    if of_resource is not None:
        for field in ("command", "revision", "branch", "host_name"):
            if getattr(run, field) is None:
                setattr(run, field, getattr(of_resource, field))
    if name == RUN_START:
        run.start_ns = time_ns
    else:
        run.end_ns = time_ns
        code = attributes.get("process.exit.code")
        if isinstance(code, int) and not isinstance(code, bool) and code in _EXIT_CODES:
            run.exit_code = code
    return run


def _run(
    run_id: str, service: str, source: str, attributes: Mapping[str, Any], received_ns: int
) -> Run:
    return Run(
        run_id=run_id,
        service_name=service,
        command=_command(attributes),
        start_ns=None,
        end_ns=None,
        exit_code=None,
        revision=_text(attributes, "vcs.ref.head.revision"),
        branch=_text(attributes, "vcs.ref.head.name"),
        host_name=_text(attributes, "host.name"),
        source=source,
        first_seen_ns=received_ns,
        last_seen_ns=received_ns,
    )


def _command(attributes: Mapping[str, Any]) -> str | None:
    """The command line, as text or as the list of its arguments."""
    for name in ("vaquero.run.command", "process.command_line", "process.command_args"):
        value = attributes.get(name)
        if isinstance(value, list) and value:
            value = json.dumps(value, ensure_ascii=False)
        if isinstance(value, str) and value:
            return value[:_MAX_TEXT]
    return None


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) and value else None


def _starts_before(one: Run, other: Run) -> bool:
    if one.start_ns is None:
        return False
    return other.start_ns is None or one.start_ns < other.start_ns
