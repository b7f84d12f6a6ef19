"""An alert: a rule's verdict on one series, as a value, as JSON and as a log event.

``docs/reference/alerts.md`` is the contract, ``schemas/alert.json`` its shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias, cast

from vaquero_conditions.errors import ShapeError
from vaquero_conditions.jsons import Fields, Json, finite, time_text

State: TypeAlias = Literal["pending", "firing", "resolved", "no_data"]
Severity: TypeAlias = Literal["critical", "warning", "info"]

STATES: tuple[State, ...] = ("pending", "firing", "resolved", "no_data")
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

EVENT_NAME = "vaquero.alert"
_PREFIX = "vaquero.alert."
_LABELS = "vaquero.alert.labels."
#: Severity numbers of OpenTelemetry's log records: ERROR, WARN, INFO.
SEVERITY_NUMBERS: dict[Severity, int] = {"critical": 17, "warning": 13, "info": 9}
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes:
        rule: Its name; the canonical text of the condition where the rule has no name.
        fingerprint: As :func:`alert_fingerprint` computes it.
        state: ``pending``, ``firing``, ``resolved``, or ``no_data`` where its series vanished.
        severity: Of the rule: ``critical``, ``warning``, ``info``.
        value: What was measured last, in ``unit``; None where there is none.
        threshold: With what it is compared, in ``unit``; None where the rule has not one number.
        unit: Of both, in UCUM; empty where it is not known.
        labels: What tells this series from others of the same rule.
        since_ns: When the state began, in nanoseconds since the epoch.
        trace_id: Of a trace that shows it, 32 hexadecimal digits; None where none is known.
    """

    rule: str
    fingerprint: str
    state: State
    severity: Severity
    value: float | None
    threshold: float | None
    unit: str
    labels: Mapping[str, str]
    since_ns: int
    trace_id: str | None = None

    @property
    def severity_number(self) -> int:
        """Of the log record: that of the severity while it fires, INFO in other states."""
        return SEVERITY_NUMBERS[self.severity] if self.state == "firing" else 9

    def to_json(self) -> dict[str, Json]:
        """The JSON object; :meth:`from_json` gives an equal alert."""
        return {
            "rule": self.rule,
            "fingerprint": self.fingerprint,
            "state": self.state,
            "severity": self.severity,
            "value": finite(self.value),
            "threshold": finite(self.threshold),
            "unit": self.unit,
            "labels": dict(self.labels),
            "since": time_text(self.since_ns),
            "trace_id": self.trace_id,
        }

    @classmethod
    def from_json(cls, value: object) -> Alert:
        """Read an alert. Fields that are not known are no error.

        Args:
            value: What ``json.loads`` gave.

        Raises:
            ShapeError: A field is missing or has another type; it says which, and what is valid.
        """
        fields = Fields(value, "alert")
        labels = fields.object("labels")
        for key, label in labels.items():
            if not isinstance(label, str):
                raise ShapeError(f"alert.labels.{key}", label, "a text")
        return cls(
            rule=fields.text("rule"),
            fingerprint=fields.text("fingerprint"),
            state=cast("State", fields.choice("state", STATES)),
            severity=cast("Severity", fields.choice("severity", SEVERITIES)),
            value=fields.number_or_none("value"),
            threshold=fields.number_or_none("threshold"),
            unit=fields.text("unit"),
            labels=labels,
            since_ns=fields.time("since"),
            trace_id=_trace_id(fields.text_or_none("trace_id")),
        )

    def to_attributes(self) -> dict[str, str | float]:
        """The attributes of the log event; :meth:`from_attributes` gives an equal alert.

        A value that is not known is left out. Each label is an attribute of its own.
        """
        found: dict[str, str | float | None] = {
            f"{_PREFIX}rule": self.rule,
            f"{_PREFIX}fingerprint": self.fingerprint,
            f"{_PREFIX}state": self.state,
            f"{_PREFIX}severity": self.severity,
            f"{_PREFIX}value": finite(self.value),
            f"{_PREFIX}threshold": finite(self.threshold),
            f"{_PREFIX}unit": self.unit or None,
            f"{_PREFIX}since": time_text(self.since_ns),
            f"{_PREFIX}trace_id": self.trace_id,
            **{f"{_LABELS}{key}": label for key, label in self.labels.items()},
        }
        return {key: value for key, value in found.items() if value is not None}

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, object]) -> Alert:
        """Read an alert from the attributes of its log event; others among them are no error.

        Raises:
            ShapeError: An attribute is missing or has another type.
        """
        own = {
            key[len(_PREFIX) :]: value
            for key, value in attributes.items()
            if key.startswith(_PREFIX) and not key.startswith(_LABELS)
        }
        labels = {
            key[len(_LABELS) :]: value
            for key, value in attributes.items()
            if key.startswith(_LABELS)
        }
        return cls.from_json({"unit": "", **own, "labels": labels})


def alert_fingerprint(rule: str, labels: Mapping[str, str]) -> str:
    """What is the same for one alert over all its states: the rule's name and the labels.

    The first sixteen hexadecimal digits of the SHA-256 of these texts in UTF-8, joined by U+001F:
    the name, then each label's key and value, by key in the order of code points. Control
    characters in them are spaces.
    """
    parts = [rule]
    for key in sorted(labels):
        parts += (key, labels[key])
    text = "\x1f".join(_CONTROL.sub(" ", part) for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:16]


def _trace_id(text: str | None) -> str | None:
    if text is not None and not _TRACE_ID.fullmatch(text):
        raise ShapeError("alert.trace_id", text, "32 hexadecimal digits in small letters, or null")
    return text


__all__ = [
    "EVENT_NAME",
    "SEVERITIES",
    "SEVERITY_NUMBERS",
    "STATES",
    "Alert",
    "Severity",
    "State",
    "alert_fingerprint",
]
