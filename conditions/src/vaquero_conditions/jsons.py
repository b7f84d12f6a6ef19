"""Reading and writing the JSON of findings and alerts: times, and fields with clear errors."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias, cast

from vaquero_conditions.errors import ShapeError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)


def time_text(time_ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC: ``2026-11-28T08:41:48.5Z``.

    Digits of the fraction only as far as they count, nine at most.
    """
    seconds, fraction = divmod(time_ns, 10**9)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    text = text.rjust(19, "0")
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"


def time_ns(text: str, field: str) -> int:
    """The reverse of :func:`time_text`.

    Raises:
        ShapeError: The text is no time of that form.
    """
    match = _TIME.fullmatch(text)
    try:
        whole = datetime.fromisoformat(f"{match[1]}+00:00") if match else None
    except ValueError:
        whole = None
    if match is None or whole is None:
        raise ShapeError(field, text, "a time in UTC such as 2026-11-28T08:41:48.5Z")
    seconds = (whole - _EPOCH) // timedelta(seconds=1)
    return seconds * 10**9 + int((match[2] or "").ljust(9, "0"))


def finite(value: float | None) -> float | None:
    """A number as JSON can hold it; None for one that is not finite."""
    return value if value is None or math.isfinite(value) else None


def finite_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with None for a number that is not finite, in a list, too."""
    return {name: _finite_value(value) for name, value in values.items()}


def _finite_value(value: Any) -> Any:
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [finite(item) if isinstance(item, float) else item for item in items]
    return value


class Fields:
    """The fields of a JSON object; what is unknown there is left alone.

    Args:
        value: What stands where the object is expected.
        name: Where that is, for messages.

    Raises:
        ShapeError: It is no object.
    """

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, Mapping):
            raise ShapeError(name, value, "an object")
        self._value = cast("Mapping[str, Any]", value)
        self._name = name

    def text(self, field: str) -> str:
        """A text that has to be there."""
        return self._typed(field, str, "a text")

    def text_or_none(self, field: str) -> str | None:
        """A text; None where there is none."""
        return None if self._value.get(field) is None else self.text(field)

    def choice(self, field: str, valid: tuple[str, ...]) -> str:
        """One of these texts."""
        found = self.text(field)
        if found not in valid:
            raise ShapeError(f"{self._name}.{field}", found, ", ".join(valid))
        return found

    def time(self, field: str) -> int:
        """A time, in nanoseconds since the epoch."""
        return time_ns(self.text(field), f"{self._name}.{field}")

    def number_or_none(self, field: str) -> float | None:
        """A number; None where there is none."""
        found = self._value.get(field)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise ShapeError(f"{self._name}.{field}", found, "a number or null")
        if not -sys.float_info.max <= found <= sys.float_info.max:
            raise ShapeError(f"{self._name}.{field}", found, "a finite number or null")
        return float(found)

    def whole_or_none(self, field: str) -> int | None:
        """A whole number; None where there is none."""
        found = self._value.get(field)
        if found is None:
            return None
        if isinstance(found, float) and found.is_integer():
            return int(found)
        if isinstance(found, bool) or not isinstance(found, int):
            raise ShapeError(f"{self._name}.{field}", found, "a whole number or null")
        return found

    def object(self, field: str) -> dict[str, Any]:
        """An object that has to be there."""
        return dict(self._typed(field, dict, "an object"))

    def fields(self, field: str) -> Fields:
        """The fields of an object that has to be there."""
        return Fields(self._value.get(field), f"{self._name}.{field}")

    def fields_or_none(self, field: str) -> Fields | None:
        """The fields of an object; None where there is none."""
        return None if self._value.get(field) is None else self.fields(field)

    def _typed(self, field: str, kind: type[Any], valid: str) -> Any:
        found = self._value.get(field)
        if not isinstance(found, kind):
            raise ShapeError(f"{self._name}.{field}", found, valid)
        return found
