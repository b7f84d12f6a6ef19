"""Variables with which the SDK cannot be imported: it raises while it reads invalid ones."""

from __future__ import annotations

import os

#: Read while ``opentelemetry.sdk.trace`` is imported, and when limits are made without arguments.
LIMITS = (
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
)

#: What was taken out of the environment of this process; the settings report it later.
taken: dict[str, str] = {}


def drop_invalid_limits() -> None:
    """Take limits that are no numbers out of the environment of this process."""
    for name in LIMITS:
        value = os.environ.get(name)
        if value and not _is_valid(value):
            taken[name] = os.environ.pop(name)


def _is_valid(value: str) -> bool:
    try:
        return not value.strip() or int(value) >= 0
    except ValueError:
        return False
