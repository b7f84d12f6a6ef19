"""Whatever a span holds, it arrives as valid OTLP, and no span takes others down with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from vaquero.pipeline.otlp.foreign_spans import from_readable
from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.span_batches import NO_IDS, Encoding, SpanCodec
from vaquero.record import EventRecord, Origin, SpanExtra, SpanRecord
from vaquero.redaction import Redactor

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
RESOURCE = Resource({"service.name": "test"})
ORIGIN = Origin(RESOURCE, None)


def record(**fields: Any) -> SpanRecord:
    """A plain finished span, with some fields set otherwise."""
    made = SpanRecord()
    defaults: dict[str, Any] = {
        "title": "work",
        "span_kind": SpanKind.INTERNAL,
        "trace_no": 1 << 100,
        "span_no": 2,
        "parent_no": 0,
        "parent_remote": None,
        "flag_bits": 1,
        "state": None,
        "start_ns": 1000,
        "end_ns": 2000,
        "attrs": None,
        "extra": None,
        "origin": ORIGIN,
        "weight": 0,
    }
    for name, value in (defaults | fields).items():
        setattr(made, name, value)
    return made


def readable(**fields: Any) -> ReadableSpan:
    """The same as a span of the SDK."""
    defaults: dict[str, Any] = {
        "name": "work",
        "context": SpanContext(1 << 100, 2, False, TraceFlags(1)),
        "resource": RESOURCE,
        "start_time": 1000,
        "end_time": 2000,
    }
    return ReadableSpan(**(defaults | fields))


def spans_of(encoding: Encoding) -> list[Any]:
    """All spans of all frames, parsed."""
    request = ExportTraceServiceRequest()
    request.ParseFromString(b"".join(request.body for request in encoding.requests))
    return [
        span
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def only(span: Any, limits: ValueLimits | None = None, redactor: Redactor | None = None) -> Any:
    """The one span that comes of encoding this one between two good ones."""
    good = record(title="good")
    codec = SpanCodec(redactor, limits or ValueLimits())
    encoding = codec.encode([good, span, good])
    assert encoding.quarantined == {}
    spans = spans_of(encoding)
    assert [each.name for each in (spans[0], spans[-1])] == ["good", "good"] or len(spans) == 3
    others = [each for each in spans if each.name != "good"]
    assert len(others) == 1
    return others[0]


def attributes_of(span: Any) -> dict[str, Any]:
    """The attributes of a parsed span by key."""
    return {pair.key: pair.value for pair in span.attributes}


class RaisingText:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class LeavingText:
    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class WrongText:
    def __str__(self) -> Any:
        return 5

    __repr__ = __str__


class RaisingMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("not today")

    def __len__(self) -> int:
        return 3


class RaisingSequence(Sequence[Any]):
    def __getitem__(self, index: Any) -> Any:
        raise OSError("gone")

    def __len__(self) -> int:
        return 3


class LyingNumber(int):
    def __index__(self) -> int:
        raise TypeError("no")

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    __hash__ = int.__hash__


def cycle() -> list[Any]:
    """A list that contains itself."""
    made: list[Any] = [1]
    made.append(made)
    return made


def exploding() -> list[Any]:
    """Small in memory, but two to the thirtieth leaves."""
    made: list[Any] = ["x"]
    for _ in range(30):
        made = [made, made]
    return made


def deep(levels: int) -> list[Any]:
    """A list in a list in a list."""
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


HOSTILE: list[Any] = [
    RaisingText(), LeavingText(), WrongText(), RaisingMapping(), RaisingSequence(), cycle(),
    deep(5000), exploding(), LyingNumber(5), 2**63, -(2**63) - 1, 2**70, 10**5000, "\ud800",
    "a\x00b", "\ud83d\ude00", float("nan"), float("inf"), b"\xff\x00", bytearray(b"x"),
    memoryview(b"x"),
    None, "", (), [], {}, {"": 1}, {1: 2}, {None: RaisingText()}, {"a": {"b": cycle()}}, object(),
    object, sys, lambda: None, ValueError(RaisingText()), {1, 2}, frozenset("ab"), range(5), 1 + 2j,
    [None, 1, "x", [True]], ["a"] * 100_000, {"k" * 5000: 1}, "x" * 1_000_000, b"x" * 1_000_000,
    iter([1]), (n for n in "ab"), SpanKind.CLIENT, Exception, type("Odd", (), {"__slots__": ()})(),
]  # fmt: skip
#: By number: a failing test prints its parameters, and these do not survive that.
NUMBERS = range(len(HOSTILE))
NAMES = [f"{number}-{type(value).__name__}" for number, value in enumerate(HOSTILE)]


@pytest.mark.parametrize("number", NUMBERS, ids=NAMES)
@pytest.mark.parametrize("redactor", [None, Redactor()], ids=["plain", "redacting"])
def test_hostile_values_poison_nothing(number: int, redactor: Redactor | None) -> None:
    """A hostile value anywhere in a span costs neither that span nor its neighbours."""
    value = HOSTILE[number]
    extra = SpanExtra()
    extra.events = [EventRecord("e", 5, {"v": value})]
    extra.status_no, extra.status_text = 2, value
    made = record(attrs={"v": value, "w": 1}, extra=extra)
    got = only(made, redactor=redactor)
    assert attributes_of(got)["w"].int_value == 1
    assert len(got.SerializeToString()) < 4_300_000
    named = only(record(title=value, attrs={"w": 1}), redactor=redactor)
    assert attributes_of(named)["w"].int_value == 1
    sdk = only(readable(attributes={"v": value, "w": 1}, name=value), redactor=redactor)
    assert attributes_of(sdk)["w"].int_value == 1


@pytest.mark.parametrize("number", NUMBERS, ids=NAMES)
def test_hostile_containers_and_fields_poison_nothing(number: int) -> None:
    """Fields that are not even of their type (times, kinds, attributes) cost no neighbour."""
    value = HOSTILE[number]
    codec = SpanCodec(Redactor())
    for name in ("start_ns", "end_ns", "parent_no", "parent_remote", "attrs", "state", "extra",
                 "span_kind", "flag_bits", "origin"):  # fmt: skip
        encoding = codec.encode([record(title="good"), record(**{name: value})])
        assert len(spans_of(encoding)) == 2, name
    for name in ("start_time", "end_time", "attributes", "events", "links", "status", "kind",
                 "parent", "resource", "instrumentation_scope"):  # fmt: skip
        encoding = codec.encode([record(title="good"), readable(**{name: value})])
        assert len(spans_of(encoding)) == 2, name


def test_a_span_without_ids_is_quarantined_alone() -> None:
    """Only a span that nothing can be made of is left out, and it is counted."""
    encoding = SpanCodec(None).encode([record(), record(trace_no=0), readable(context=None)])
    assert len(spans_of(encoding)) == 2 - 1
    assert encoding.quarantined == {NO_IDS: 2}


def test_an_object_that_is_no_span_is_quarantined() -> None:
    """Something that is no span at all is counted and disturbs nobody."""
    things: Any = [object(), None, record(), 5]
    encoding = SpanCodec(None).encode(things)
    assert len(spans_of(encoding)) == 1
    assert sum(encoding.quarantined.values()) == 3


def test_surrogates_become_replacement_characters() -> None:
    """Lone surrogates arrive as U+FFFD; the two halves of a pair as their character."""
    got = only(record(title="a\ud800b", attrs={"k\udfff": "\ud83d\ude00 \udc00"}))
    assert got.name == "a\ufffdb"
    assert attributes_of(got)["k\ufffd"].string_value == "\U0001f600 \ufffd"


def test_times_are_clamped() -> None:
    """Times before 1970, in no number or in the wrong order arrive as the nearest valid ones."""
    assert only(record(start_ns=-5, end_ns=-3)).start_time_unix_nano == 0
    assert only(record(start_ns=2**80, end_ns=2**80)).end_time_unix_nano == 2**64 - 1
    turned = only(record(start_ns=500, end_ns=100))
    assert (turned.start_time_unix_nano, turned.end_time_unix_nano) == (500, 500)
    open_end = only(record(end_ns=None))
    assert (open_end.start_time_unix_nano, open_end.end_time_unix_nano) == (1000, 1000)


def test_large_values_are_cut_and_say_so() -> None:
    """Ten megabytes in one value arrive as 64 KiB and the number of characters left out."""
    got = attributes_of(only(record(attrs={"big": "x" * 10_000_000, "raw": b"y" * 70_000})))
    assert got["big"].string_value == "x" * 65_536 + "...[truncated 9934464]"
    assert got["raw"].bytes_value.endswith(b"...[truncated 4464]")


def test_a_large_span_shrinks_below_its_bound() -> None:
    """Many large values together are cut further until the span is within its limit."""
    attrs = {f"k{number}": "x" * 65_000 for number in range(128)}
    extra = SpanExtra()
    extra.events = [EventRecord("e", 1, dict(attrs)) for _ in range(128)]
    limits = ValueLimits(span_bytes=1_000_000)
    got = only(record(attrs=attrs, extra=extra), limits)
    assert len(got.SerializeToString()) <= 1_000_000
    assert len(got.attributes) == 32
    assert got.dropped_attributes_count == 96
    assert len(got.events) + got.dropped_events_count == 128
    assert "...[truncated " in got.attributes[0].value.string_value


def test_the_first_attributes_are_kept_and_the_rest_counted() -> None:
    """Of more attributes than the limit the first stay, and the span says how many do not."""
    extra = SpanExtra()
    extra.dropped_attrs = 5
    got = only(record(attrs={f"k{n}": n for n in range(1000)}, extra=extra))
    assert [pair.key for pair in got.attributes] == [f"k{n}" for n in range(128)]
    assert got.dropped_attributes_count == 872 + 5


def test_keys_of_any_kind_become_text() -> None:
    """Keys that equal each other in Python but differ as text keep their own text."""
    codec = SpanCodec(None)
    for key, text in ((1, "1"), (True, "True"), (1.0, "1.0"), ("1", "1"), (None, "<empty>")):
        got = spans_of(codec.encode([record(attrs={key: "v"})]))[0]
        assert got.attributes[0].key == text


def test_broken_events_and_links_of_foreign_spans() -> None:
    """A broken event of somebody's span costs what is broken, not the span."""
    broken: Any = Event("e", attributes=RaisingMapping(), timestamp=-4)
    link = Link(SpanContext(3, 4, True), {"a": 1})
    span = readable(events=[broken, object()], links=[link], status=Status(StatusCode.ERROR, "no"))
    got = only(span)
    assert [event.time_unix_nano for event in got.events] == [0, 0]
    assert got.events[0].attributes[0].key == "vaquero.unreadable"
    assert got.links[0].trace_id[-1] == 3
    assert got.status.message == "no"


def test_a_broken_resource_is_sent_as_far_as_it_can_be_read() -> None:
    """A resource whose attributes raise costs no span."""

    class Broken:
        schema_url = "\ud800"

        @property
        def attributes(self) -> Any:
            raise RuntimeError

    made = record(origin=Origin(Broken(), None))  # type: ignore[arg-type]
    encoding = SpanCodec(Redactor()).encode([made, record()])
    assert len(spans_of(encoding)) == 2


def test_equal_resources_share_one_group() -> None:
    """Origins made apart, but of equal resources and scopes, are one group on the wire."""
    again = Origin(Resource({"service.name": "test"}), None)
    encoding = SpanCodec(None).encode([record(), record(origin=again), record()])
    request = ExportTraceServiceRequest.FromString(encoding.requests[0].body)
    assert [len(group.scope_spans) for group in request.resource_spans] == [1]


weird = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
        st.text(st.characters(), max_size=10),
        st.integers(0, 5).map(lambda number: HOSTILE[number]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.none()), inner, max_size=4),
    ),
    max_leaves=10,
)  # fmt: skip

FUZZED = SpanCodec(Redactor())


@FUZZ
@given(weird, weird, weird, weird)
def test_no_input_raises_or_is_lost(title: Any, value: Any, time: Any, attrs: Any) -> None:
    """Generated rubbish in every field: the codec never raises, and every span arrives."""
    extra = SpanExtra()
    extra.events = [EventRecord(value, time, {"v": value})]
    made = record(title=title, end_ns=time, attrs={"v": value, "password": value}, extra=extra)
    odd = record(attrs=attrs, extra=attrs)
    encoding = FUZZED.encode([made, odd, from_readable(readable(attributes={"v": value}))])
    assert len(spans_of(encoding)) == 3
