"""Where spans of one tracer come from and go to: what all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor

from vaquero.record import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from vaquero.record import Sink
    from vaquero.tracing.limits import Limits


class TracerScope(Origin):
    """The origin of the spans of one tracer, with what a span needs while it runs."""

    __slots__ = ("outlet", "limits", "metered", "span_bounds", "tracer")

    def __init__(
        self,
        resource: Resource,
        scope: InstrumentationScope | None,
        tracer: Tracer,
        limits: Limits,
        outlet: SpanOutlet,
        metered: bool = False,
    ) -> None:
        super().__init__(resource, scope)
        self.tracer = tracer
        self.limits = limits
        self.span_bounds = limits.span
        self.outlet = outlet
        self.metered = metered

    def moved(self, resource: Resource, scope: InstrumentationScope | None) -> TracerScope:
        """As this one, but of another resource or scope."""
        return TracerScope(resource, scope, self.tracer, self.limits, self.outlet, self.metered)


class ProcessorCalls:
    """The processors of a provider as they are at a moment, sorted by what must be called.

    Attributes:
        processors: The tuple that this was made from; of another tuple new calls are made.
        puts: ``put`` of every sink, where there is nothing but sinks; else empty.
        starts: ``on_start`` of all that do more than hold a sink.
        endings: ``_on_ending`` of those that have one of their own.
        stops: In order, what gets the span at its end: whether sampled only, and what to call.
            Empty where there is nothing but sinks.
    """

    __slots__ = ("endings", "processors", "puts", "starts", "stops")

    def __init__(self, processors: tuple[Any, ...], opaque: Any = None) -> None:
        self.processors = processors
        stops: list[tuple[bool, Callable[[Any], Any]]] = []
        watchers: list[Any] = [] if opaque is None else [opaque]
        for processor in processors:
            sink = sink_of(processor)
            stops.append((False, processor.on_end) if sink is None else (True, sink.put))
            if sink is None:
                watchers.append(processor)
        if opaque is not None:
            stops = [(False, opaque.on_end)]
        self.starts = tuple([watcher.on_start for watcher in watchers])
        self.endings = tuple([watcher._on_ending for watcher in watchers if _has_ending(watcher)])
        self.puts = () if watchers else tuple([put for _, put in stops])
        self.stops = tuple(stops) if watchers else ()


def sink_of(processor: Any) -> Sink | None:
    """The sink of a processor that only holds one; None for every other processor."""
    # Declared, not merely answered: a mock answers to every name.
    declared = any("sink" in vars(kind) for kind in type(processor).__mro__)
    if declared or "sink" in getattr(processor, "__dict__", ()):
        sink = processor.sink
        return sink if callable(getattr(sink, "put", None)) else None
    return None


def _has_ending(processor: object) -> bool:
    method = getattr(type(processor), "_on_ending", None)
    return method is not None and method is not getattr(SpanProcessor, "_on_ending", None)


class _Unlisted:
    """Stands for processors that keep no list of their own; its list never changes."""

    __slots__ = ("_span_processors",)

    def __init__(self) -> None:
        self._span_processors: tuple[Any, ...] = ()


class SpanOutlet:
    """Leads the spans of a provider to its sinks and processors.

    What to call is looked up in the SDK's own list of processors each time, by identity, so that a
    processor that was added in any manner hears of the next span.

    Attributes:
        multi: Has the list of processors, as ``_span_processors``.
        calls: What to call, as last looked up; compare ``calls.processors`` before use.
    """

    __slots__ = ("_opaque", "calls", "multi")

    def __init__(self, multi: Any) -> None:
        # Only this very class is known to do nothing but call one after the other.
        plain = type(multi) is SynchronousMultiSpanProcessor
        self._opaque: Any = None if plain else multi
        self.multi: Any = multi if plain else _Unlisted()
        self.calls = self.renew()

    def renew(self) -> ProcessorCalls:
        """Look up again what to call."""
        self.calls = calls = ProcessorCalls(self.multi._span_processors, self._opaque)
        return calls
