"""The span: a record that fills itself, and an OpenTelemetry span at the same time.

Threads. A span may be written by many threads at once. Under the GIL nothing here needs a lock:
every change is one step of the interpreter (a store, an append, a dict assignment) made directly
after the check that allows it, without a call in between at which another thread could go on. So no
attribute is lost, and nothing is written once the span has ended. A free-threaded build has no such
steps: there each of these methods takes one process-wide lock.
"""

from __future__ import annotations

import functools
import sys
import threading
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from vaquero import _guard, _log, _process, _runtime
from vaquero._exceptions import exception_attributes, status_text
from vaquero._guard import call_safely, describe
from vaquero._probe import is_a, is_truthy, text_of
from vaquero.compat.span import CompatSpan
from vaquero.record import STATUS_ERROR, STATUS_OK, STATUS_UNSET, EventRecord
from vaquero.tracing.limits import NUMBERS, Bounds, items_of, kind_of, tidy
from vaquero.tracing.readable import PrivateNames, exception_options_of, link_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from opentelemetry.sdk.trace import EventBase

    from vaquero.tracing.scope import ProcessorCalls


class Span(PrivateNames, CompatSpan, SdkSpan):
    """A span that records. Made by :class:`vaquero.tracing.Tracer`, not by its constructor.

    It is a :class:`vaquero.record.SpanRecord`: at its end it is given to the sinks as it is. It is
    an ``opentelemetry.sdk.trace.Span`` too, and a ``ReadableSpan``, for everybody else.
    """

    __slots__ = ()

    def is_recording(self) -> bool:
        """Whether the span has not ended."""
        return self._open

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute; a value that may change later is copied."""
        if not self._open:
            _warn_ended("set_attribute")
            return
        kind = kind_of(value)
        bounds = self.origin.span_bounds
        if type(key) is str and (
            kind in NUMBERS or (kind is str and len(value) <= bounds.long_text)
        ):
            attrs = self.attrs
            if attrs is None:
                attrs = self._need_attrs()
            if key in attrs or (len(attrs) < bounds.most and key):
                if self._open:
                    attrs[key] = value
                return
        self._keep([(key, value)])

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes; values that may change later are copied."""
        if not self._open:
            _warn_ended("set_attributes")
            return
        self._keep(items_of(attributes))

    def _keep(self, items: list[tuple[Any, Any]]) -> None:
        """Keep attributes of which nothing is known."""
        bounds = self.origin.span_bounds
        taken = tidy(items, bounds)
        attrs = self._need_attrs()
        dropped = taken.dropped
        for key, value in taken.attrs.items():
            if key not in attrs and len(attrs) >= bounds.most:
                dropped += 1
            elif self._open:
                attrs[key] = value
        if taken.weight:
            self.weight += taken.weight
        if dropped:
            self._need_extra().dropped_attrs += dropped

    def _need_attrs(self) -> dict[str, Any]:
        attrs = self.attrs
        if attrs is None:
            attrs = {}
            # Made before the check: making it may let another thread go on.
            if self.attrs is None:
                self.attrs = attrs
            else:
                attrs = self.attrs
        return attrs

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        """Add an event.

        Args:
            name: What happened.
            attributes: Attributes of the event.
            timestamp: When, Unix time in nanoseconds; now by default.
        """
        if not self._open:
            _warn_ended("add_event")
            return
        time_ns = self._anchor + perf_counter_ns() if timestamp is None else timestamp
        attrs, dropped = self._tidy(attributes, self.origin.limits.event)
        event = EventRecord(name, time_ns, attrs, dropped)
        extra = self._need_extra()
        events = extra.events
        if events is None:
            events = []
            if extra.events is None:
                extra.events = events
            else:
                events = extra.events
        if len(events) < self.origin.limits.events:
            if self._open:
                events.append(event)
        else:
            extra.dropped_events += 1

    @_guard.quiet(None)
    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Add a link to another span.

        Args:
            context: The other span's context; ignored where it is invalid and holds nothing else.
            attributes: Attributes of the link.
        """
        if not self._open:
            _warn_ended("add_link")
            return
        if context and (context.is_valid or attributes or context.trace_state):
            self._keep_link(context, attributes)

    def keep_links(self, links: Any) -> None:
        """Keep the links that a span is started with; those that cannot be read are left out."""
        try:
            for link in links:
                context = link.context if link else None
                if context and (context.is_valid or link.attributes or context.trace_state):
                    self._keep_link(context, link.attributes)
        except Exception as error:
            _log.warn("links", "Links that cannot be read are left out (%s).", describe(error))

    def _keep_link(self, context: SpanContext, attributes: Mapping[str, Any] | None) -> None:
        attrs, dropped = self._tidy(attributes, self.origin.limits.link)
        extra = self._need_extra()
        links = extra.links
        if links is None:
            links = []
            if extra.links is None:
                extra.links = links
            else:
                links = extra.links
        if len(links) < self.origin.limits.links:
            links.append(link_record(context, attrs, dropped))
        else:
            extra.dropped_links += 1

    def _tidy(
        self, attributes: Mapping[str, Any] | None, bounds: Bounds
    ) -> tuple[dict[str, Any] | None, int]:
        """Attributes of an event or a link that may be kept, and how many may not."""
        if attributes is None or not is_truthy(attributes):
            return None, 0
        taken = tidy(items_of(attributes), bounds)
        if taken.weight:
            self.weight += taken.weight
        return taken.attrs, taken.dropped

    def update_name(self, name: str) -> None:
        """Give the span another name."""
        if self._open:
            self.title = name
        else:
            _warn_ended("update_name")

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status; OK is final, and UNSET changes nothing.

        Args:
            status: A status, or its code.
            description: What went wrong; only with a code, and only for ERROR.
        """
        if not self._open:
            _warn_ended("set_status")
            return
        if is_a(status, StatusCode):
            status = Status(status, None if description is None else text_of(description))
        elif not is_a(status, Status):
            return
        elif description is not None:
            _log.warn("status", "Description %.100r ignored: give it with the Status.", description)
        number = status.status_code.value
        extra = self._need_extra()
        if number != STATUS_UNSET and extra.status_no != STATUS_OK and self._open:
            extra.status_no, extra.status_text = number, status.description

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Add an event that describes an exception.

        Args:
            exception: What was raised.
            attributes: Further attributes of the event; they win over those of the exception.
            timestamp: When, Unix time in nanoseconds; now by default.
            escaped: Whether the exception left the span.
        """
        if not self._open:
            _warn_ended("record_exception")
            return
        attrs = exception_attributes(exception, escaped)
        if attributes is not None and is_truthy(attributes):
            attrs.update(tidy(items_of(attributes), self.origin.limits.event).attrs)
        self.add_event("exception", attrs, timestamp)

    def fail(self, error: BaseException, record: bool, set_status: bool, escaped: bool) -> None:
        """Record that an exception leaves the block that this span stands for; never raises."""
        try:
            _runtime.remember_span_of(error, (self.trace_no, self.span_no, self.flag_bits))
            if record:
                self.record_exception(error, escaped=escaped)
            if set_status:
                extra = self._need_extra()
                if extra.status_no != STATUS_OK and self._open:
                    extra.status_no, extra.status_text = STATUS_ERROR, status_text(error)
        except Exception as failure:
            _guard.report(failure, "Span.fail")

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it on.

        Args:
            end_time: When, Unix time in nanoseconds; now by default.
        """
        time_ns = self._anchor + perf_counter_ns() if end_time is None else end_time
        if self._open:
            self._open = False
            self.end_ns = time_ns
            self._above = None
            outlet = self.origin.outlet
            calls = outlet.calls
            if outlet.multi._span_processors is not calls.processors:
                calls = outlet.renew()
            if calls.stops or self.origin.metered:
                self._hand_on(calls)
            elif self.flag_bits & 1:
                for put in calls.puts:
                    call_safely(put, self)
        else:
            _warn_ended("end")

    def _hand_on(self, calls: ProcessorCalls) -> None:
        """Call everything that wants an ended span; what it raises stays here."""
        if self.origin.metered:
            call_safely(self._at_end)
        for ending in calls.endings:
            call_safely(ending, self)
        for sampled_only, stop in calls.stops or [(True, put) for put in calls.puts]:
            if self.flag_bits & 1 or not sampled_only:
                call_safely(stop, self)

    def start(self, start_time: int | None = None, parent_context: Any = None) -> None:
        """Logs a warning: a span of vaquero is started when it is made."""
        _log.warn("span:start", "Calling start() on a started span.")

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """End the span; record whatever leaves the block, KeyboardInterrupt included."""
        if exc_val is not None and self._open:
            record, set_status = exception_options_of(self)
            self.fail(exc_val, record, set_status, escaped=True)
        self.end()

    def _add_event(self, event: EventBase) -> None:
        self.add_event(event.name, event.attributes, event.timestamp)

    def _add_link(self, link: Link) -> None:
        self.add_link(link.context, link.attributes)


def _warn_ended(what: str) -> None:
    _log.warn(f"ended:{what}", "%s() came after the end of its span and is ignored.", what)


def _serialised(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def one_at_a_time(*args: Any, **kwargs: Any) -> Any:
        with _span_lock:
            return method(*args, **kwargs)

    return one_at_a_time


_span_lock = threading.RLock()


def _unlock() -> None:
    """In a forked child, where a thread may have held the lock that is not there any more."""
    global _span_lock
    _span_lock = threading.RLock()


_process.after_fork_in_child(_unlock)
if not getattr(sys, "_is_gil_enabled", lambda: True)():
    for _name in ("set_attribute", "set_attributes", "add_event", "add_link", "set_status", "end"):
        setattr(Span, _name, _serialised(getattr(Span, _name)))
