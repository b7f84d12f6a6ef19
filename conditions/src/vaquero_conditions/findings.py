"""A finding: what is slow or wrong, where, what it costs, and what to do; as a value and as JSON.

``docs/reference/findings.md`` is the contract, ``schemas/finding.json`` its shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypeAlias, cast

from vaquero_conditions.jsons import Fields, Json, finite, finite_values, time_text

Severity: TypeAlias = Literal["high", "medium", "low", "info"]
Certainty: TypeAlias = Literal["certain", "likely", "possible"]

EVENT_NAME = "vaquero.finding"
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low", "info")
CERTAINTIES: tuple[Certainty, ...] = ("certain", "likely", "possible")

#: What stands in the evidence of each kind and tells two findings of it apart, by name.
KINDS: dict[str, str | None] = {
    "slow_operation": None,
    "slow_query": "fingerprint",
    "n_plus_one": "fingerprint",
    "repeated_query": "fingerprint",
    "sequential_calls": "target",
    "error_rate": None,
    "new_error": "fingerprint",
    "regression": "statistic",
    "memory_growth": None,
    "event_loop_blocked": None,
    "gc_pressure": None,
    "pool_wait": "pool",
    "saturation": "resource",
    "retry_storm": "target",
    "target_missed": "condition",
}
"""The kinds that are found, each with the field of its evidence that is part of the id."""
RESERVED_KINDS: dict[str, str | None] = {
    "cpu_hotspot": None,
    "lock_wait": "lock",
    "gil_contention": None,
}
"""Kinds that have a place in the schema and are not found yet."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Place:
    """Where in the code: a file relative to the code's root with ``/``, a line from 1, a function.

    The line is None where it is not known.
    """

    file: str
    line: int | None
    function: str


@dataclass(frozen=True)
class Window:
    """The time that was looked at, in nanoseconds since the epoch."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        id: As :func:`finding_id` computes it.
        kind: One of :data:`KINDS`; a reader takes any.
        title: One line for a person, without a full stop.
        severity: How much it matters: ``high``, ``medium``, ``low``, ``info``.
        certainty: How sure it is: ``certain``, ``likely``, ``possible``.
        service: ``service.name``.
        operation: The name of the entry span; empty where the whole service is concerned.
        statement: The statement in normal form; None where there is none.
        where: The place in the code; None where it is not known.
        evidence: Figures that prove it; the documents name the fields of each kind.
        cost_ms_per_request: Time that a request of the operation loses on average, ms.
        share_of_time: The part of the operation's time that this is, 0 to 1.
        advice: What to do, in one or two sentences.
        run: The run that it was found in; None where the window spans several.
        window: The time that was looked at.
        first_seen_ns: When it was seen first, in any run that is known.
        last_seen_ns: When it was seen last.
    """

    id: str
    kind: str
    title: str
    severity: Severity
    certainty: Certainty
    service: str
    operation: str
    statement: str | None
    where: Place | None
    evidence: Mapping[str, Any]
    cost_ms_per_request: float | None
    share_of_time: float | None
    advice: str
    run: str | None
    window: Window
    first_seen_ns: int
    last_seen_ns: int

    def to_json(self) -> dict[str, Json]:
        """The JSON object; :meth:`from_json` gives an equal finding."""
        where = self.where
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "severity": self.severity,
            "certainty": self.certainty,
            "service": self.service,
            "operation": self.operation,
            "statement": self.statement,
            "where": None
            if where is None
            else {"file": where.file, "line": where.line, "function": where.function},
            "evidence": finite_values(self.evidence),
            "cost_ms_per_request": finite(self.cost_ms_per_request),
            "share_of_time": finite(self.share_of_time),
            "advice": self.advice,
            "run": self.run,
            "window": {
                "start": time_text(self.window.start_ns),
                "end": time_text(self.window.end_ns),
            },
            "first_seen": time_text(self.first_seen_ns),
            "last_seen": time_text(self.last_seen_ns),
        }

    @property
    def severity_number(self) -> int:
        """Of the log record of the event: WARN or INFO."""
        return 13 if self.severity in ("high", "medium") else 9

    def to_attributes(self) -> dict[str, str]:
        """The attributes of the event ``vaquero.finding``."""
        short = ("id", "kind", "severity", "certainty", "operation")
        return {
            **{f"{EVENT_NAME}.{name}": getattr(self, name) for name in short},
            f"{EVENT_NAME}.json": json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False),
        }

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, object]) -> Finding:
        """Read a finding from the attributes of its event; others among them are no error.

        Raises:
            ShapeError: There is no finding in them, or it has not the shape of one.
        """
        text = attributes.get(f"{EVENT_NAME}.json")
        try:
            value = json.loads(text) if isinstance(text, str) else None
        except (ValueError, RecursionError):
            value = text
        return cls.from_json(value)

    @classmethod
    def from_json(cls, value: object) -> Finding:
        """Read a finding. Fields and kinds that are not known are no error.

        Args:
            value: What ``json.loads`` gave.

        Raises:
            ShapeError: A field is missing or has another type; it says which, and what is valid.
        """
        fields = Fields(value, "finding")
        where, window = fields.fields_or_none("where"), fields.fields("window")
        return cls(
            id=fields.text("id"),
            kind=fields.text("kind"),
            title=fields.text("title"),
            severity=cast("Severity", fields.choice("severity", SEVERITIES)),
            certainty=cast("Certainty", fields.choice("certainty", CERTAINTIES)),
            service=fields.text("service"),
            operation=fields.text("operation"),
            statement=fields.text_or_none("statement"),
            where=None
            if where is None
            else Place(where.text("file"), where.whole_or_none("line"), where.text("function")),
            evidence=fields.object("evidence"),
            cost_ms_per_request=fields.number_or_none("cost_ms_per_request"),
            share_of_time=fields.number_or_none("share_of_time"),
            advice=fields.text("advice"),
            run=fields.text_or_none("run"),
            window=Window(window.time("start"), window.time("end")),
            first_seen_ns=fields.time("first_seen"),
            last_seen_ns=fields.time("last_seen"),
        )


def finding_id(
    kind: str, service: str, operation: str, evidence: Mapping[str, Any], where: Place | None
) -> str:
    """The id of a finding: the same for the same matter, in every run and every release.

    Kind, a hyphen, and the first twelve hexadecimal digits of the SHA-256 of six texts in UTF-8,
    joined by U+001F: kind, service, operation, the evidence's own mark (the field that
    :data:`KINDS` names for the kind; empty if there is none), file, function. Control characters in
    them are spaces. The line is no part of it, since each edit above it moves it.
    """
    field = KINDS.get(kind, RESERVED_KINDS.get(kind))
    mark = evidence.get(field) if field else None
    place = (where.file, where.function) if where else ("", "")
    parts = (kind, service, operation, mark if isinstance(mark, str) else "", *place)
    text = _SEPARATOR.join(_CONTROL.sub(" ", part) for part in parts)
    digest = sha256(text.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return f"{kind}-{digest.hexdigest()[:12]}"
