"""The same program of spans on our provider and on the SDK's gives equal OTLP messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceState

from vaquero.tracing import TracerProvider

Act = Callable[["Run"], None]


class OwnIds(RandomIdGenerator):
    """A subclass, so that ids are asked for one by one."""


@dataclass
class Run:
    """One run of a program: the open spans, innermost last."""

    tracer: Any
    open: list[Any] = field(default_factory=list)

    def context(self) -> Context:
        return trace.set_span_in_context(self.open[-1], Context()) if self.open else Context()


def start(name: str, kind: SpanKind, attributes: Any, links: Any, remote: Any) -> Act:
    """Start a child of the innermost span, or of a span of elsewhere."""

    def act(run: Run) -> None:
        context = run.context()
        if remote is not None:
            parent = trace.NonRecordingSpan(remote)
            context = trace.set_span_in_context(parent, Context())
        run.open.append(
            run.tracer.start_span(
                name, context, kind, attributes=attributes, links=links, start_time=1
            )
        )

    return act


def block(name: str, error: type[BaseException] | None, record: bool, status: bool) -> Act:
    """A current span, left by an exception or not."""

    def act(run: Run) -> None:
        try:
            with run.tracer.start_as_current_span(
                name,
                run.context(),
                record_exception=record,
                set_status_on_exception=status,
            ) as span:
                run.open.append(span)
                if error is not None:
                    raise error("text")
        except (ValueError, KeyboardInterrupt):
            pass
        finally:
            run.open.pop()

    return act


def plain_block(name: str, error: type[BaseException], record: bool, status: bool) -> Act:
    """A span as a context manager, left by an exception."""

    def act(run: Run) -> None:
        try:
            with run.tracer.start_span(
                name,
                run.context(),
                record_exception=record,
                set_status_on_exception=status,
            ):
                raise error("text")
        except (ValueError, KeyboardInterrupt):
            pass

    return act


def on_top(method: str, *args: Any, **kwargs: Any) -> Act:
    """Call a method of the innermost span."""

    def act(run: Run) -> None:
        if run.open:
            getattr(run.open[-1], method)(*args, **kwargs)

    return act


def end(run: Run) -> None:
    """End the innermost span."""
    if run.open:
        run.open.pop().end(end_time=9)


text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
scalars = st.one_of(text, st.booleans(), integers, floats)
sequences = st.one_of(*(st.lists(kind, max_size=3) for kind in (text, integers, floats)))
values: st.SearchStrategy[Any] = st.one_of(scalars, sequences, sequences.map(tuple))
if tuple(map(int, sdk_version.split(".")[:2])) >= (1, 45):
    # Older SDKs refuse these, or take them only in logs.
    values = st.recursive(
        st.one_of(scalars, st.binary(max_size=4), st.none()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )
attributes = st.none() | st.dictionaries(keys, values, max_size=4)
contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.sampled_from([trace.TraceFlags(0), trace.TraceFlags(1)]),
    st.sampled_from([None, TraceState([("vendor", "value")])]),
)
links = st.lists(st.builds(Link, contexts, attributes), max_size=2)
codes = st.sampled_from(StatusCode)
statuses = st.builds(
    lambda code, said: Status(code, said if code is StatusCode.ERROR else None),
    codes,
    st.none() | text,
)
errors = st.sampled_from([ValueError, KeyboardInterrupt])
acts = st.one_of(
    st.builds(start, text, st.sampled_from(SpanKind), attributes, links, st.none() | contexts),
    st.builds(start, text, st.sampled_from(SpanKind), attributes, st.just(()), st.none()),
    st.just(end),
    st.builds(block, text, st.none() | errors, st.booleans(), st.booleans()),
    st.builds(plain_block, text, errors, st.booleans(), st.booleans()),
    st.builds(lambda key, value: on_top("set_attribute", key, value), keys, values),
    st.builds(lambda given: on_top("set_attributes", given or {}), attributes),
    st.builds(lambda n, a: on_top("add_event", n, a, timestamp=5), text, attributes),
    st.builds(lambda c, a: on_top("add_link", c, a), contexts, attributes),
    st.builds(lambda name: on_top("update_name", name), text),
    st.builds(lambda status: on_top("set_status", status), statuses),
    st.builds(lambda code: on_top("set_status", code), codes),
    st.builds(lambda a: on_top("record_exception", ValueError("text"), a, timestamp=7), attributes),
)
samplers = st.sampled_from(
    [
        sampling.DEFAULT_ON,
        sampling.DEFAULT_OFF,
        sampling.ALWAYS_ON,
        sampling.ALWAYS_OFF,
        sampling.ParentBased(sampling.ALWAYS_ON, remote_parent_not_sampled=sampling.ALWAYS_ON),
        sampling.ParentBased(sampling.StaticSampler(sampling.Decision.RECORD_ONLY)),
    ]
)


def messages(kind: type[SdkTracerProvider], sampler: Any, ids: Any, program: list[Act]) -> Any:
    """The program's spans as OTLP messages, ids and times replaced by what is comparable."""
    exporter = InMemorySpanExporter()
    provider = kind(
        sampler, Resource({"service.name": "x"}), shutdown_on_exit=False, id_generator=ids
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    run = Run(provider.get_tracer("scope", "1.0", "https://schema", {"a": 1}))
    for act in program:
        act(run)
    while run.open:
        end(run)
    return comparable(encode_spans(exporter.get_finished_spans()))


def comparable(request: Any) -> Any:
    """Ids become numbers in the order of their first appearance; order of attributes is none."""
    seen: dict[bytes, bytes] = {}

    def number(identity: bytes) -> bytes:
        return seen.setdefault(identity, str(len(seen)).encode()) if identity else b""

    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                span.trace_id = number(span.trace_id)
                span.span_id = number(span.span_id)
                span.parent_span_id = number(span.parent_span_id)
                span.end_time_unix_nano = 0
                span.start_time_unix_nano = 0
                for owner in (span, *span.events, *span.links):
                    settle(owner)
    return request


def settle(owner: Any) -> None:
    """Sort attributes; forget the traceback, which shows the frames of the context manager."""
    kept = [item for item in owner.attributes if item.key != "exception.stacktrace"]
    kept.sort(key=lambda item: item.key)
    del owner.attributes[:]
    owner.attributes.extend(kept)
    if hasattr(owner, "time_unix_nano"):
        owner.time_unix_nano = 0


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=st.lists(acts, max_size=12), sampler=samplers, own_ids=st.booleans())
def test_same_messages_as_the_sdk(program: list[Act], sampler: Any, own_ids: bool) -> None:
    """Any program of spans gives the same messages on both providers."""
    ids = OwnIds if own_ids else RandomIdGenerator
    theirs = messages(SdkTracerProvider, sampler, ids(), program)
    assert messages(TracerProvider, sampler, ids(), program) == theirs
