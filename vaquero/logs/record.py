"""One log record on its way to the pipeline: what the caller pays for, and nothing more.

Text is formatted at once, since its arguments may change; attributes, exception text and code
location are read off later, by the writer's thread.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from vaquero._context import SPAN_KEY, get_current
from vaquero._exceptions import exception_attributes
from vaquero.record import SpanRecord
from vaquero.values import freeze

if TYPE_CHECKING:
    from opentelemetry.context import Context

#: What every record of the standard library has; the rest was given by ``extra=``.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "otelTraceID",
    "otelSpanID",
    "otelTraceSampled",
    "otelServiceName",
}

#: OpenTelemetry's severity for the standard library's levels, by tens.
_SEVERITIES = (
    SeverityNumber.TRACE,
    SeverityNumber.DEBUG,
    SeverityNumber.INFO,
    SeverityNumber.WARN,
    SeverityNumber.ERROR,
    SeverityNumber.FATAL,
)


class LazyLogRecord:
    """A log record in the shape in which the pipeline's encoder reads those of the SDK.

    Attributes:
        timestamp: When, Unix time in nanoseconds.
        severity_number: OpenTelemetry's number.
        severity_text: The level's name.
        body: The formatted text, or a structured event.
        trace_id: Of the span that was current; 0 for none.
        span_id: The same.
        trace_flags: The same.
        event_name: For events; None for ordinary records.
        resource: Who the process is.
        instrumentation_scope: Which logger.
    """

    __slots__ = (
        "_attributes",
        "_source",
        "body",
        "event_name",
        "instrumentation_scope",
        "resource",
        "severity_number",
        "severity_text",
        "span_id",
        "timestamp",
        "trace_flags",
        "trace_id",
    )

    dropped_attributes = 0

    #: How many attributes a record has at most, and how many characters a text; None for no limit.
    #: Of the process, as its SDK is: kept here so that the caller hands nothing over for it.
    limits: ClassVar[tuple[int | None, int | None]] = (None, None)

    def __init__(
        self,
        *,
        timestamp: int,
        level: int,
        severity_text: str,
        body: Any,
        resource: Any,
        scope: Any,
        attributes: dict[str, Any] | None = None,
        source: logging.LogRecord | None = None,
        event_name: str | None = None,
        place: tuple[int, int, int] | None = None,
    ) -> None:
        self.timestamp = timestamp
        self.severity_number = severity(level)
        self.severity_text = severity_text
        self.body = body
        self.resource = resource
        self.instrumentation_scope = scope
        self.event_name = event_name
        self._attributes = attributes
        self._source = source
        self.trace_id, self.span_id, self.trace_flags = place or current_place()

    @property
    def log_record(self) -> LazyLogRecord:
        """Itself: the SDK keeps these fields on an inner record."""
        return self

    @property
    def observed_timestamp(self) -> int:
        """When it was taken, which is when it was made."""
        return self.timestamp

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes, made when the record is encoded."""
        made = dict(self._attributes or {})
        if self._source is not None:
            made.update(record_attributes(self._source))
        return made if self.limits == (None, None) else within(made, *self.limits)


def within(attributes: dict[str, Any], count: int | None, length: int | None) -> dict[str, Any]:
    """The first so many attributes, each text cut to so many characters."""
    kept = list(attributes.items())[:count]
    if length is None:
        return dict(kept)
    return {key: value[:length] if isinstance(value, str) else value for key, value in kept}


def severity(level: int) -> SeverityNumber:
    """OpenTelemetry's severity for a level of the standard library."""
    return _SEVERITIES[min(max(level, 0) // 10, 5)]


def current_place(context: Context | None = None) -> tuple[int, int, int]:
    """Trace id, span id and flags of the current span; zeros without one."""
    span: Any = (get_current() if context is None else context).get(SPAN_KEY)
    if span is None:
        return 0, 0, 0
    if isinstance(span, SpanRecord):
        return span.trace_no, span.span_no, span.flag_bits
    found = span.get_span_context() or INVALID_SPAN_CONTEXT
    return found.trace_id, found.span_id, int(found.trace_flags)


def record_attributes(record: logging.LogRecord) -> dict[str, Any]:
    """Code location, exception, and what was given by ``extra=``."""
    made: dict[str, Any] = {
        key: freeze(value) for key, value in record.__dict__.items() if key not in _STANDARD
    }
    made["code.file.path"] = record.pathname
    made["code.function.name"] = record.funcName
    made["code.line.number"] = record.lineno
    if record.exc_info and record.exc_info[1] is not None:
        made.update(exception_attributes(record.exc_info[1]))
    return made
