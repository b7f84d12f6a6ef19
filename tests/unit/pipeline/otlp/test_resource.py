"""Resources and scopes: encoded once, remembered by identity, and never for good."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vaquero.pipeline.otlp.resource import ResourceEncoder
from vaquero.record import Origin
from vaquero.redaction import Redactor


def test_origins_come_and_go() -> None:
    """More origins than are remembered all have their own resource, and the first is let go."""
    encoder = ResourceEncoder(None)
    first = Origin(Resource({"n": "first"}), None)
    held = weakref.ref(first)
    encoder.encode(first)
    del first
    for number in range(3000):
        resource, _ = encoder.encode(Origin(Resource({"n": str(number)}), None))
        (pair,) = ResourceSpans.FromString(resource).resource.attributes
        assert pair.value.string_value == str(number)
    gc.collect()
    assert held() is None


def test_an_origin_is_encoded_once() -> None:
    """The second time the bytes are the same objects."""
    encoder = ResourceEncoder(None)
    origin = Origin(Resource({"a": 1}), InstrumentationScope("shop", "1"))
    first, again = encoder.encode(origin), encoder.encode(origin)
    assert first[0] is again[0]
    assert first[1] is again[1]


def test_resource_and_scope_are_what_they_were() -> None:
    """Attributes, name, version and schema URLs arrive; a password among them does not."""
    scope = InstrumentationScope("shop", "1.2", "https://s/2", {"team": "a"})
    origin = Origin(Resource({"service.name": "x", "password": "hunter2"}, "https://s/1"), scope)
    resource, inner = ResourceEncoder(Redactor()).encode(origin)
    around = ResourceSpans.FromString(resource)
    assert around.schema_url == "https://s/1"
    values = {pair.key: pair.value for pair in around.resource.attributes}
    assert values["service.name"].string_value == "x"
    assert b"hunter2" not in resource
    assert values["vaquero.redacted"].array_value.values[0].string_value == "password"
    read = ScopeSpans.FromString(inner)
    assert (read.scope.name, read.scope.version, read.schema_url) == ("shop", "1.2", "https://s/2")
    assert [pair.key for pair in read.scope.attributes] == ["team"]


def test_what_is_broken_is_left_out() -> None:
    """A resource whose attributes raise, and what is no origin at all, are encoded all the same."""

    class Broken:
        schema_url = "\ud800"

        @property
        def attributes(self) -> Any:
            raise RuntimeError

    odd: Any = Origin(Broken(), None)  # type: ignore[arg-type]
    resource, scope = ResourceEncoder(Redactor()).encode(odd)
    (pair,) = ResourceSpans.FromString(resource).resource.attributes
    assert pair.key == "vaquero.unreadable"
    assert ScopeSpans.FromString(scope).scope.name == ""
    nothing: Any = None
    assert ResourceEncoder(None).encode(nothing)
