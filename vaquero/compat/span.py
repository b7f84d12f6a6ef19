"""The methods and fields of vaquero-sdk's span, over OpenTelemetry's span.

:class:`CompatSpan` is a mixin without state: everything it shows is read from, and written to, the
attributes, events and status of the span it is part of, through OpenTelemetry's own names. Where
vaquero-sdk and OpenTelemetry use one name (``status``, ``attributes``, ``start_time``,
``end_time``, ``name``), OpenTelemetry's meaning holds; vaquero-sdk's meaning is in ``to_dict()``.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.trace import Status, StatusCode, format_span_id, format_trace_id

from vaquero import _guard, values
from vaquero._exceptions import status_text, type_name
from vaquero._probe import is_a, key_of, text_of
from vaquero.compat.fields import AttributeField, JsonField, PrefixedView, attributes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, Span, SpanContext, SpanKind
    from opentelemetry.util.types import Attributes

AGENT_NAME = "vaquero.agent.name"
CANCELLED = "vaquero.cancelled"
ERROR_TYPE = "error.type"
INPUT = "vaquero.input"
METADATA = "vaquero.metadata."
OUTPUT = "vaquero.output"
TAG = "vaquero.tag."


if TYPE_CHECKING:

    class _Base(Span):
        """What the mixin stands on: a span of OpenTelemetry that can be read as well."""

        @property
        def name(self) -> str: ...
        @property
        def context(self) -> SpanContext | None: ...
        @property
        def kind(self) -> SpanKind: ...
        @property
        def parent(self) -> SpanContext | None: ...
        @property
        def start_time(self) -> int | None: ...
        @property
        def end_time(self) -> int | None: ...
        @property
        def status(self) -> Status: ...
        @property
        def attributes(self) -> Attributes: ...
        @property
        def events(self) -> Sequence[Event]: ...
        @property
        def links(self) -> Sequence[Link]: ...
        @property
        def resource(self) -> Resource: ...
        @property
        def instrumentation_scope(self) -> InstrumentationScope | None: ...
else:
    _Base = object


class CompatSpan(_Base):
    """Mixin: vaquero-sdk's methods and fields on any span of OpenTelemetry.

    Fields that are attributes can be set; an ended span ignores that, as OpenTelemetry's does.
    """

    __slots__ = ()

    agent_name = AttributeField(AGENT_NAME, "gen_ai.agent.name", default="")
    input_tokens = AttributeField("gen_ai.usage.input_tokens", default=0)
    output_tokens = AttributeField("gen_ai.usage.output_tokens", default=0)
    cost = AttributeField("vaquero.usage.cost_usd", default=0.0)
    model_name = AttributeField[str | None](
        "gen_ai.request.model", "gen_ai.response.model", default=None
    )
    model_provider = AttributeField[str | None]("gen_ai.provider.name", default=None)
    system_prompt = AttributeField[str | None]("gen_ai.system_instructions", default=None)
    prompt_name = AttributeField[str | None]("gen_ai.prompt.name", default=None)
    prompt_version = AttributeField[str | None]("vaquero.prompt.version", default=None)
    prompt_hash = AttributeField[str | None]("vaquero.prompt.hash", default=None)
    prompt_parameters = JsonField("vaquero.prompt.parameters", default=None)
    inputs = JsonField(INPUT, default=None)
    outputs = JsonField(OUTPUT, default=None)

    # ------------------------------------------------------------------ who it is
    @property
    def trace_id(self) -> str:
        """The trace id as 32 hexadecimal digits; all zeros without a trace."""
        return format_trace_id(self.get_span_context().trace_id)

    @property
    def span_id(self) -> str:
        """The span id as 16 hexadecimal digits."""
        return format_span_id(self.get_span_context().span_id)

    @property
    def parent_span_id(self) -> str | None:
        """The parent's span id as 16 hexadecimal digits; None for a root."""
        parent = getattr(self, "parent", None)
        return None if parent is None else format_span_id(parent.span_id)

    @property
    def operation_name(self) -> str:
        """The span's name."""
        return getattr(self, "name", "")

    @operation_name.setter
    def operation_name(self, name: str) -> None:
        self.update_name(name)

    @property
    def function_name(self) -> str:
        """The name of the traced function without its module and class; empty for a block."""
        qualified = attributes_of(self).get("code.function.name", "")
        return str(qualified).rpartition(".")[2]

    # ------------------------------------------------------------------ what it holds
    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from start to end; None as long as the span runs."""
        start, end = getattr(self, "start_time", None), getattr(self, "end_time", None)
        try:
            return None if start is None or end is None else (end - start) / 1e6
        except TypeError:
            return None  # The application gave something else as times.

    @property
    def tags(self) -> PrefixedView:
        """Attributes under ``vaquero.tag.``, without that prefix; writable."""
        return PrefixedView(self, TAG)

    @tags.setter
    def tags(self, tags: Mapping[str, object]) -> None:
        PrefixedView(self, TAG).update(tags)

    @property
    def metadata(self) -> PrefixedView:
        """Attributes under ``vaquero.metadata.``, without that prefix; writable."""
        return PrefixedView(self, METADATA)

    @metadata.setter
    def metadata(self, metadata: Mapping[str, object]) -> None:
        PrefixedView(self, METADATA).update(metadata)

    @property
    def total_tokens(self) -> int:
        """``vaquero.usage.total_tokens``, else the sum of input and output tokens."""
        total = attributes_of(self).get("vaquero.usage.total_tokens")
        if total is not None:
            return total
        return _token_count(self.input_tokens) + _token_count(self.output_tokens)

    @total_tokens.setter
    def total_tokens(self, total: int) -> None:
        self.set_attribute("vaquero.usage.total_tokens", total)

    @property
    def error(self) -> dict[str, str] | None:
        """The last error as ``type``, ``message`` and ``traceback``; None where there is none."""
        for event in reversed(getattr(self, "events", None) or ()):
            if event.name == "exception":
                found = event.attributes or {}
                return {
                    "type": str(found.get("exception.type", "")),
                    "message": str(found.get("exception.message", "")),
                    "traceback": str(found.get("exception.stacktrace", "")),
                }
        status = getattr(self, "status", None)
        if status is None or status.status_code is not StatusCode.ERROR:
            return None
        kind = str(attributes_of(self).get(ERROR_TYPE, ""))
        return {"type": kind, "message": status.description or "", "traceback": ""}

    # ------------------------------------------------------------------ what it does
    def set_tag(self, key: str, value: object) -> None:
        """Set the attribute ``vaquero.tag.<key>`` to the value as text."""
        self.set_attribute(f"{TAG}{key_of(key)}", text_of(value))

    def get_attribute(self, key: str, default: Any = None) -> Any:
        """The attribute's present value, or ``default``."""
        return attributes_of(self).get(key, default)

    def set_error(self, error: BaseException | str) -> None:
        """Record an error and set the status to ERROR; the span goes on.

        Args:
            error: An exception, which becomes an exception event, or a text, which becomes the
                description of the status.
        """
        if issubclass(type(error), BaseException):
            record_error(self, cast("BaseException", error))
        else:
            frozen = values.freeze(error)
            self.set_status(Status(StatusCode.ERROR, frozen if isinstance(frozen, str) else None))

    def finish(self, status: object = None) -> None:
        """End the span; a second call does nothing.

        Args:
            status: ``completed``, ``failed`` or ``cancelled`` (text or an enum of such texts), or
                a status of OpenTelemetry; None keeps what is set.
        """
        if not self.is_recording():
            return
        if is_a(status, (Status, StatusCode)):
            self.set_status(status)
        elif status is not None:
            word = text_of(_value_of(status)).lower()
            if word == "failed":
                self.set_status(Status(StatusCode.ERROR))
            elif word == "cancelled":
                self.set_attribute(CANCELLED, True)
        self.end()

    def to_dict(self) -> dict[str, Any]:
        """The span in vaquero-sdk's layout of 26 keys, times in ISO 8601 with UTC offset."""
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "parent_span_id": self.parent_span_id,
            "agent_name": self.agent_name or self.operation_name,
            "function_name": self.function_name,
            "start_time": _iso(getattr(self, "start_time", None)),
            "end_time": _iso(getattr(self, "end_time", None)),
            "duration_ms": self.duration_ms,
            "status": _word_of(self),
            "inputs": self.inputs,
            "outputs": self.outputs,
            "error": self.error,
            "tags": dict(self.tags),
            "metadata": dict(self.metadata),
            "attributes": dict(attributes_of(self)),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.total_tokens,
            "cost": self.cost,
            "model_name": self.model_name,
            "model_provider": self.model_provider,
            "system_prompt": self.system_prompt,
            "prompt_name": self.prompt_name,
            "prompt_version": self.prompt_version,
            "prompt_parameters": self.prompt_parameters,
            "prompt_hash": self.prompt_hash,
        }


def record_error(span: Span, error: BaseException, record: bool = True) -> None:
    """What an error does to a span: an exception event, status ERROR and ``error.type``.

    Survives exceptions whose text cannot be had; never raises.

    Args:
        span: A span of vaquero, or a handle.
        error: The exception.
        record: False leaves out the event and the exception's text.
    """
    try:
        if not span.is_recording():
            return
        span.set_attribute(ERROR_TYPE, type_name(error))
        if record:
            span.record_exception(error)
        # Without the event no text of the exception is wanted.
        span.set_status(Status(StatusCode.ERROR, status_text(error) if record else None))
    except Exception as fault:
        _guard.report(fault, "record_error")


def _value_of(member: object) -> object:
    try:
        return getattr(member, "value", member)
    except Exception:
        return None


def _token_count(tokens: object) -> int:
    """A count of tokens; 0 where an application put something else there."""
    return tokens if isinstance(tokens, int) else 0


def _word_of(span: CompatSpan) -> str:
    """vaquero-sdk's status: running, completed, failed or cancelled."""
    status = getattr(span, "status", None)
    if status is not None and status.status_code is StatusCode.ERROR:
        return "failed"
    if attributes_of(span).get(CANCELLED):
        return "cancelled"
    return "running" if span.is_recording() else "completed"


def _iso(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    try:
        return datetime.fromtimestamp(time_ns / 1e9, timezone.utc).isoformat()
    except Exception:
        return None  # The application gave something else as a time.
