"""Times, ids and counts within the ranges of their fields, of values of any kind.

Nothing here raises.
"""

from __future__ import annotations

from typing import cast

_MAX_TIME_NS = 2**64 - 1


def time_of(value: object, fallback: int = 0) -> int:
    """A time in nanoseconds within what ``fixed64`` holds; ``fallback`` where it is no number."""
    try:
        number = int(cast("int", value))
    except BaseException:
        return fallback
    return min(max(number, 0), _MAX_TIME_NS)


def masked_int(value: object, mask: int) -> int:
    """An integer within the mask, such as an id or a count; 0 where it is none."""
    try:
        number = int(cast("int", value))
    except BaseException:
        return 0
    return number & mask


def count_of(value: object) -> int:
    """A count of dropped parts: 0 where it is none or below."""
    try:
        return min(max(int(cast("int", value)), 0), 0xFFFFFFFF)
    except BaseException:
        return 0
