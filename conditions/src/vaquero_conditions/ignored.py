"""Findings that are ignored: ``[tool.vaquero.findings] ignore`` of pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from vaquero_conditions.errors import shortened, shown

NAME = "[tool.vaquero.findings] ignore"
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}-[0-9a-f]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FIELDS = ("id", "until", "reason")


class IgnoredError(ValueError):
    """The list of ignored findings has something in it that is invalid.

    Attributes:
        name: Of the setting, with the place in the list.
        value: What was read, as text.
        source: Where it was read.
        valid: What would be valid, as a phrase.
    """

    def __init__(self, name: str, value: object, source: str, valid: str) -> None:
        self.name = name
        self.value = shortened(value) if isinstance(value, str) else shown(value)
        self.source = source
        self.valid = valid
        read = f"{name} is missing" if value is None else f"{name}={self.value!r}"
        wrong = "" if value is None else " is invalid"
        super().__init__(f"{read} (from {source}){wrong}; valid: {valid}.")


@dataclass(frozen=True)
class Ignored:
    """One finding that is ignored.

    Attributes:
        id: Of the finding.
        reason: Why, in the words of whoever decided it.
        until: The last day, in UTC, on which it is; None for ever.
    """

    id: str
    reason: str
    until: date | None = None

    def holds(self, today: date) -> bool:
        """Whether the finding is ignored on this day (UTC)."""
        return self.until is None or today <= self.until


def parse_ignored(value: object, source: str = "pyproject.toml") -> tuple[Ignored, ...]:
    """Read the list.

    Args:
        value: What a TOML reader gave for ``ignore``; None where it is not set.
        source: Where it stands, for messages.

    Raises:
        IgnoredError: Something in it is invalid: the first such thing.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise IgnoredError(NAME, value, source, 'a list of {id = "...", reason = "..."}')
    found: dict[str, Ignored] = {}
    for number, row in enumerate(cast("list[object]", value)):
        one = _row(row, f"{NAME}[{number}]", source)
        if one.id in found:
            raise IgnoredError(f"{NAME}[{number}].id", one.id, source, "each id once")
        found[one.id] = one
    return tuple(found.values())


def ignored_ids(rows: Iterable[Ignored], today: date) -> frozenset[str]:
    """The ids that are ignored on this day (UTC)."""
    return frozenset(row.id for row in rows if row.holds(today))


def _row(row: object, name: str, source: str) -> Ignored:
    if not isinstance(row, Mapping):
        raise IgnoredError(name, row, source, '{id = "...", until = 2027-01-31, reason = "..."}')
    fields = cast("Mapping[str, object]", row)
    for key in fields:
        if key not in _FIELDS:
            raise IgnoredError(f"{name}.{key}", fields[key], source, f"only {', '.join(_FIELDS)}")
    ident, reason = fields.get("id"), fields.get("reason")
    if not isinstance(ident, str) or not _ID.fullmatch(ident):
        valid = "the id of a finding, e.g. n_plus_one-0123456789ab"
        raise IgnoredError(f"{name}.id", ident, source, valid)
    if not isinstance(reason, str) or not reason.strip():
        raise IgnoredError(f"{name}.reason", reason, source, "why it is ignored, as a text")
    return Ignored(ident, reason.strip(), _until(fields.get("until"), name, source))


def _until(value: object, name: str, source: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise IgnoredError(f"{name}.until", value, source, "a date, e.g. 2027-01-31")
