"""The three forms of a date in HTTP (RFC 9110, 5.6.7), without the parsers of e-mail."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# As text: ``re`` compiles them when a server sends such a date, which few do, and not at import.
#: ``Sun, 06 Nov 1994 08:49:37 GMT`` and, obsolete, ``Sunday, 06-Nov-94 08:49:37 GMT``.
_DAY_FIRST = (
    r"[a-z]{3,9}, *(?P<day>\d\d?)[ -](?P<month>[a-z]{3})[ -](?P<year>\d{4}|\d\d) +"
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) +(?:gmt|utc|[+-]0000)"
)
#: Obsolete, by C's asctime: ``Sun Nov  6 08:49:37 1994``.
_MONTH_FIRST = (
    r"[a-z]{3} +(?P<month>[a-z]{3}) +(?P<day>\d\d?) +"
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) +(?P<year>\d{4})"
)


def parse_http_date(text: str) -> float | None:
    """Unix seconds of a date in HTTP; None where the text is none."""
    lower = text.strip().lower()
    found = re.fullmatch(_DAY_FIRST, lower, re.ASCII) or re.fullmatch(_MONTH_FIRST, lower, re.ASCII)
    if found is None or found["month"] not in _MONTHS:
        return None
    year, day = int(found["year"]), int(found["day"])
    if len(found["year"]) == 2:
        year += 1900 if year > 68 else 2000
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    if not (1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    days = _days(year, _MONTHS.index(found["month"]) + 1, day)
    return days * 86400.0 + hour * 3600 + minute * 60 + second


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 in the Gregorian calendar, counted from the first of March of year 0."""
    if month <= 2:
        year, month = year - 1, month + 12
    leaps = year // 4 - year // 100 + year // 400
    return 365 * year + leaps + (153 * (month - 3) + 2) // 5 + day - 1 - 719468
