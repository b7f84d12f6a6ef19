"""Query parameters of the JSON API, each with a clear error."""

from __future__ import annotations

import re
import time

from starlette.requests import Request

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_TEXT = 500


class BadParameter(Exception):
    """A query parameter cannot be used; the text says which, and what would do."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}={value[:100]!r} is not usable: expected {expected}")


def text(request: Request, name: str) -> str | None:
    """A text, ``None`` where it is missing or empty."""
    value = request.query_params.get(name) or None
    if value is not None and len(value) > _MAX_TEXT:
        raise BadParameter(name, value, f"at most {_MAX_TEXT} characters")
    return value


def whole(request: Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to ``most``."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", value) or not 1 <= int(value) <= most:
        raise BadParameter(name, value, f"a whole number from 1 to {most}")
    return int(value)


def flag(request: Request, name: str) -> bool:
    """A switch: ``1`` or ``true`` is on; missing, ``0`` or ``false`` is off."""
    value = request.query_params.get(name, "0").lower()
    if value not in {"0", "1", "true", "false"}:
        raise BadParameter(name, value, "1 or 0")
    return value in {"1", "true"}


def choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """One of ``choices``; the first where it is missing."""
    value = request.query_params.get(name, choices[0])
    if value not in choices:
        raise BadParameter(name, value, " or ".join(choices))
    return value


def since_ns(request: Request, name: str = "since") -> int | None:
    """A point in time, as nanoseconds since the epoch.

    Written as an age (``15m``, ``1h``, ``2d``) or as nanoseconds since the epoch.
    """
    value = request.query_params.get(name)
    if not value:
        return None
    age = re.fullmatch(r"([0-9]{1,9})([smhd])", value)
    if age is not None:
        return time.time_ns() - int(age.group(1)) * _UNITS_S[age.group(2)] * 10**9
    if re.fullmatch(r"[0-9]{1,19}", value) and int(value) < 2**63:
        return int(value)
    raise BadParameter(name, value, "an age such as 15m or 1h, or nanoseconds since 1970")
