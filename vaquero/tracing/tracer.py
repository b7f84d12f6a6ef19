"""The tracer: starts spans, and does nothing for them that can be done later.

:meth:`Tracer.begin` is the one way in which a span starts; ``start_span``,
``start_as_current_span`` and the facade come through it. Its short path handles what is usual: a
sampler of the SDK's own and random ids. Everything else takes the SDK's steps, one after the
other, in :meth:`Tracer._begin_by_steps`.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Protocol, cast

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext, SpanKind
from opentelemetry.trace import Span as ApiSpan

from vaquero import _guard
from vaquero._context import SPAN_KEY, get_current
from vaquero._guard import call_safely, report_hook
from vaquero._probe import listed, readable_attributes, usable_context
from vaquero._upstream import tracer_place
from vaquero.tracing.clock import inherited, new_anchor
from vaquero.tracing.current import CurrentSpan
from vaquero.tracing.ids import RANDOM_BIT, bits, new_span_no, new_trace_no
from vaquero.tracing.limits import is_tidy, items_of, kind_of, read_limits, tidy
from vaquero.tracing.parent import context_of, of_root, under_other, under_ours
from vaquero.tracing.sampling.shortcut import ALL, LOW_BITS, TraceIdBounds, read_bounds
from vaquero.tracing.scope import SpanOutlet, TracerScope
from vaquero.tracing.span import Span
from vaquero.tracing.unsampled import NonRecordingCompatSpan, UnsampledSpan, unsampled_span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import Link

_new = object.__new__

#: What spans have in common is settled again when one of these is set on a tracer.
_SHAPING = frozenset(
    {"sampler", "resource", "span_processor", "id_generator", "_tracer_config", "_span_limits"}
)


class FollowingProvider(Protocol):
    """What a tracer asks its provider at each start of a span."""

    #: Whether spans go to the API's global provider where that is another one.
    follows_global: bool


class Tracer(SdkTracer):
    """A tracer of :class:`vaquero.tracing.TracerProvider`."""

    def __init__(self, provider: FollowingProvider, *args: Any, **kwargs: Any) -> None:
        """Made by the provider.

        Args:
            provider: Where the tracer comes from.
            *args: What the SDK's tracer takes.
            **kwargs: What the SDK's tracer takes.
        """
        self._settled = False
        self._provider: Any = provider
        self._other_provider: Any = None
        self._other_tracer: Any = None
        super().__init__(*args, **kwargs)
        self._settle()

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name in _SHAPING and self._settled:
            self._settle()

    def _settle(self) -> None:
        """What all spans from now on have in common."""
        metrics = getattr(self, "_tracer_metrics", None)
        config = getattr(self, "_tracer_config", None)
        metered = metrics is not None and type(metrics).__name__ != "NoOpTracerMetrics"
        self._enabled: bool = config is None or config.is_enabled
        usual = self._enabled and not metered and type(self.id_generator) is RandomIdGenerator
        self._id_bounds: TraceIdBounds | None = read_bounds(self.sampler) if usual else None
        self._tracer_scope = TracerScope(
            self.resource,
            self._instrumentation_scope,
            self,
            read_limits(self._span_limits),
            SpanOutlet(self.span_processor),
            metered,
        )
        self._settled = True

    @property
    def instrumentation_info(self) -> Any:
        """The deprecated form of the scope, made when somebody asks."""
        scope = self._instrumentation_scope
        # Its constructor warns of deprecation, and only the one who asks could act on that.
        info = _new(InstrumentationInfo)
        info._name, info._version = scope.name, scope.version
        info._schema_url = scope.schema_url or ""
        return info

    @instrumentation_info.setter
    def instrumentation_info(self, info: Any) -> None:
        """The SDK's constructor sets it; the scope holds the same values."""

    # ------------------------------------------------------------------ OpenTelemetry's methods
    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> ApiSpan:
        """Start a span without making it current. See OpenTelemetry's ``Tracer.start_span``."""
        span = self.begin(name, attributes, kind, context, links, start_time)
        if not (record_exception and set_status_on_exception) and type(span) is Span:
            span._exception_options = (record_exception, set_status_on_exception)
        return span

    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        """A context manager and decorator that makes a new span the current one."""
        return CurrentSpan(
            self,
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
            end_on_exit,
        )

    # ------------------------------------------------------------------ the one way to a span
    def begin(
        self,
        name: str,
        attributes: Mapping[str, Any] | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        context: Context | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        base: Context | None = None,
    ) -> ApiSpan:
        """Start a span; the entry for the facade too. Never raises.

        Args:
            name: What the span stands for; low in cardinality.
            attributes: Copied, and the values fixed.
            kind: OpenTelemetry's kind.
            context: Where the parent is looked for, as the caller gave it; None for the current.
            links: Links to other spans.
            start_time: Unix time in nanoseconds; now by default.
            base: The current context where the caller has it at hand.

        Returns:
            A recording :class:`Span`, or a span that keeps nothing. Where an application has set
            a provider of its own over a default one, that provider's span.
        """
        try:
            provider = self._provider
            if provider.follows_global and tracer_place._TRACER_PROVIDER is not provider:
                return self._begin_elsewhere(name, attributes, kind, context, links, start_time)
            if context is None:
                parent: Any = (get_current() if base is None else base).get(SPAN_KEY)
            else:
                parent = context.get(SPAN_KEY)
            bounds = self._id_bounds
            if bounds is None:
                return self._begin_by_steps(
                    parent, name, attributes, kind, context, links, start_time
                )
            if parent is None:
                lineage = of_root(bounds)
            elif type(parent) is Span:
                lineage = under_ours(parent, bounds)
            else:
                lineage = under_other(parent, bounds)
            trace_no, parent_no, remote, flags, state, bound, parent_ctx = lineage
            if bound is not ALL and trace_no & LOW_BITS >= bound:
                unsampled = _new(UnsampledSpan)
                unsampled.trace_no = trace_no
                unsampled.flag_bits = flags & ~1
                unsampled.state = state
                unsampled._ctx = None
                return unsampled

            span = _new(Span)
            span.title = name
            span.span_kind = kind
            span.trace_no = trace_no
            span.span_no = bits(64) or new_span_no()
            span.parent_no = parent_no
            span.parent_remote = remote
            span.flag_bits = flags
            span.state = state
            if parent_ctx is not None:
                span._parent_ctx = parent_ctx
            return self._opened(span, parent, attributes, links, start_time, context)
        except Exception as error:
            given = (attributes, context, links)
            readable = (readable_attributes(attributes), usable_context(context), listed(links))
            if any(old is not new for old, new in zip(given, readable, strict=True)):
                return self.begin(name, readable[0], kind, readable[1], readable[2], start_time)
            _guard.report(error, "Tracer.begin")
            return unsampled_span(new_trace_no(), 0, None)

    def _opened(
        self,
        span: Span,
        parent: Any,
        attributes: Any,
        links: Sequence[Link] | None,
        start_time: int | None,
        context: Context | None,
    ) -> Span:
        """Fill in what all recording spans have, and let the span begin."""
        scope = self._tracer_scope
        span.origin = scope
        span.extra = None
        span.weight = 0
        span.end_ns = 0
        span._open = True
        if type(parent) is Span:
            span._above = parent
            span._anchor = anchor = inherited(parent._anchor)
        else:
            span._above = None
            span._anchor = anchor = new_anchor()
        if attributes:
            span.attrs = attrs = dict(attributes) if kind_of(attributes) is dict else None
            if attrs is None or not is_tidy(attrs, scope.span_bounds):
                span.attrs, lost, span.weight = tidy(items_of(attributes), scope.span_bounds)
                if lost:
                    span._need_extra().dropped_attrs = lost
        else:
            span.attrs = None
        if links:
            span.keep_links(links)
        span.start_ns = anchor + perf_counter_ns() if start_time is None else start_time
        outlet = scope.outlet
        calls = outlet.calls
        if outlet.multi._span_processors is not calls.processors:
            calls = outlet.renew()
        for on_start in calls.starts:
            call_safely(on_start, span, parent_context=context)
        return span

    # ------------------------------------------------------------------ the unusual ways
    def _begin_by_steps(
        self,
        parent: Any,
        name: str,
        attributes: Mapping[str, Any] | None,
        kind: SpanKind,
        context: Context | None,
        links: Sequence[Link] | None,
        start_time: int | None,
    ) -> ApiSpan:
        """The SDK's steps: sampler and id generator are called as it calls them."""
        parent_ctx = context_of(parent)
        if not self._enabled:
            return NonRecordingCompatSpan(parent_ctx or INVALID_SPAN_CONTEXT)
        ids = self.id_generator
        trace_no = ids.generate_trace_id() if parent_ctx is None else parent_ctx.trace_id
        result = self._ask_sampler(context, trace_no, name, kind, attributes, links)
        flags = _random_bit(ids, parent_ctx) | (1 if result.decision.is_sampled() else 0)
        at_end = (
            self._tracer_metrics.start_span(parent_ctx, result.decision)
            if self._tracer_scope.metered
            else None
        )
        state = result.trace_state or None
        if not result.decision.is_recording():
            unsampled = unsampled_span(trace_no, flags, state)
            unsampled._ctx = SpanContext(
                trace_no, ids.generate_span_id(), False, unsampled.flags, state
            )
            return unsampled
        span = _new(Span)
        span.title = name
        span.span_kind = kind
        span.trace_no = trace_no
        span.span_no = ids.generate_span_id()
        span.parent_no = 0 if parent_ctx is None else parent_ctx.span_id
        span.parent_remote = None if parent_ctx is None else parent_ctx.is_remote
        span.flag_bits = flags
        span.state = state
        span._parent_ctx = parent_ctx
        span._at_end = at_end
        return self._opened(
            span, parent, cast("Any", result.attributes), links, start_time, context
        )

    def _ask_sampler(
        self,
        context: Context | None,
        trace_no: int,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        links: Sequence[Link] | None,
    ) -> SamplingResult:
        """The sampler's decision; that of the default sampler where it fails."""
        asked = (context, trace_no, name, kind, attributes, links or ())
        try:
            return self.sampler.should_sample(*asked)
        except Exception as error:
            report_hook(error, self.sampler.should_sample)
            return DEFAULT_ON.should_sample(*asked)

    def _begin_elsewhere(
        self,
        name: str,
        attributes: Mapping[str, Any] | None,
        kind: SpanKind,
        context: Context | None,
        links: Sequence[Link] | None,
        start_time: int | None,
    ) -> ApiSpan:
        """Start the span on the provider that the application has set since."""
        provider = trace_api.get_tracer_provider()
        if provider is not self._other_provider:
            scope = self._instrumentation_scope
            self._other_tracer = provider.get_tracer(
                scope.name, scope.version, scope.schema_url, scope.attributes
            )
            self._other_provider = provider
        return self._other_tracer.start_span(
            name,
            context=context,
            kind=kind,
            attributes=attributes,
            links=links or (),
            start_time=start_time,
        )


def _random_bit(ids: Any, parent: SpanContext | None) -> int:
    """The flag that the trace id is random, as the installed SDK sets it."""
    if not RANDOM_BIT:
        return 0
    if parent is not None:
        return parent.trace_flags & RANDOM_BIT
    return RANDOM_BIT if ids.is_trace_id_random() else 0
